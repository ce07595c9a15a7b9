// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Status;
import abuse.server.MultiServer;
import abuse.server.Server;
import abuse.server.ServiceManager;
import abuse.server.SizeMismatchException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Serves all disks of a list, each of which may fail without the others. */
final class AllDisks {
    private final ServerCommand command;
    private final Context context;
    private final DiskList list;
    private volatile boolean stopping;
    /** The paths of those that are not served. */
    private final Set<String> failed = ConcurrentHashMap.newKeySet();
    private final ServedFolder served;

    AllDisks(ServerCommand command, DiskList list) {
        served = new ServedFolder(command.context.environment.get("RUNTIME_DIRECTORY"));
        this.command = command;
        this.context = command.context;
        this.list = list;
    }

    void serve() throws Exception {
        var serviceManager = new ServiceManager(context.environment.get("NOTIFY_SOCKET"));
        var server = new MultiServer(context.devices);
        command.onStop(() -> {
            serviceManager.tell("STOPPING=1");
            stopping = true;
            server.stop();
        });
        for (DiskList.Disk disk : list.disks()) {
            if (!stopping && setUp(disk)) {
                Server.BackendOpener opener = command.opener(disk.backend(), disk.options());
                var told = new Told(disk);
                server.add(disk.path(), text(disk), disk.shared(), geometry -> disk.filters().open(disk.path(), here -> {
                    command.warn(disk.path(), disk.backend(), here, told::warn);
                    return opener.open(here);
                }, geometry), told);
            }
        }
        server.run(() -> serviceManager.tell("READY=1"));
        if (!stopping) {
            throw new FailedException(list.name() + ": no disk is left, so the server ends");
        }
        if (!failed.isEmpty()) {
            context.complain(list.name() + ": " + failed.size() + " of " + list.disks().size() + " disks were not served to the end");
        }
    }

    private String text(DiskList.Disk disk) {
        return disk.filters().text(command.backends.shown(disk.backend()));
    }

    /** Whether the disk can be served: it is set up, or somebody else will do that. */
    private boolean setUp(DiskList.Disk disk) {
        if (disk.setup() == null) {
            return true;
        }
        try (Device device = command.openOrMake(disk.path(), disk.setup())) {
            Status current = device.status();
            try {
                device.setup(disk.setup().config(current.isSetUp() ? current : null));
            } catch (DeviceException | UsageException e) {
                // Its users wait for a server more than for other keys
                if (!current.isSetUp()) {
                    throw e;
                }
                context.complain((e instanceof UsageException ? disk.path() + ": " + e.getMessage() : Cli.words(e, context))
                        + "; it is served as it is");
            }
            return true;
        } catch (DeviceException | UsageException e) {
            context.complain(fail(disk, e));
            return false;
        }
    }

    private String fail(DiskList.Disk disk, Throwable e) {
        failed.add(disk.path());
        served.remove(disk.path());
        if (e instanceof DeviceException) {
            return Cli.words(e, context);
        }
        return disk.path() + ": " + (e instanceof SizeMismatchException mismatch
                ? command.mismatch(disk.path(), disk.backend(), mismatch)
                : e instanceof UsageException ? e.getMessage() : Cli.words(e, context));
    }

    /** Says what happens to one disk. */
    private final class Told implements MultiServer.Listener {
        private final DiskList.Disk disk;
        /** Why the last try failed; null if it did not. */
        private volatile String reason;

        Told(DiskList.Disk disk) {
            this.disk = disk;
        }

        /** Warns, but not again at each try. */
        void warn(String message) {
            if (reason == null) {
                context.complain(message);
            }
        }

        @Override
        public void waiting() {
            reason = null;
            context.complain(ServerCommand.waiting(disk.path()));
        }

        @Override
        public void ready(Status status) {
            reason = null;
            failed.remove(disk.path());
            served.add(disk.path());
            disk.filters().ready();
            context.out.println(ServerCommand.ready(disk.path(), text(disk), status));
            context.out.flush();
        }

        @Override
        public void problem(String message) {
            context.complain(disk.path() + ": " + message);
        }

        @Override
        public void failed(Throwable e, boolean again) {
            String words = fail(disk, e);
            if (e instanceof DeviceException refusal && refusal.reason() == DeviceException.Reason.NOT_SET_UP) {
                context.complain(disk.path() + ": " + e.getMessage() + "; it was reset, and is served when it is set up again");
            } else if (!words.equals(reason)) {
                context.complain(words + (again
                        ? "; it is tried again every " + MultiServer.RETRY_SECONDS + " seconds while others are served" : ""));
            }
            reason = words;
        }
    }
}
