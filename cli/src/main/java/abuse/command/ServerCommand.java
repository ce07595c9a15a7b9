// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.Backends;
import abuse.device.DeviceException;
import abuse.device.Status;
import abuse.server.Server;
import abuse.server.ServiceManager;
import abuse.server.SizeMismatchException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Answers requests until told to stop. */
final class ServerCommand extends Command {
    private final PositionalParamSpec first = words("0", "DEVICE", DeviceName.HELP);
    private final PositionalParamSpec second = words("1", "BACKEND",
            "null: reads zeros, forgets writes (default); mem: kept in memory; file:PATH: kept in an image file, or"
            + " on another block device, of just the disk's size");
    private final OptionSpec create = flag("--create", "Make the image, sparse, when there is none.");

    ServerCommand(Context context) {
        super(context, "server", "Answers requests until told to stop.",
                "On SIGTERM and SIGINT it answers what it has taken, and ends; the rest waits for another server. It says on"
                + " standard output when it is ready.");
        spec.usageMessage().customSynopsis("abusectl server [--create] [DEVICE] [null|mem|file:PATH]");
    }

    @Override
    void execute() throws Exception {
        var words = new ArrayList<String>();
        for (PositionalParamSpec word : List.of(first, second)) {
            if (word.getValue() != null) {
                words.add(word.getValue());
            }
        }
        String backend = "null";
        if (!words.isEmpty() && (words.size() == 2 || Backends.isName(words.get(words.size() - 1)))) {
            backend = words.remove(words.size() - 1);
        }
        if (!Backends.isName(backend)) {
            throw new UsageException("'" + backend + "' is no backend; there are null, mem and file:PATH");
        }
        if (isSet(create) && !Backends.isCreatable(backend)) {
            throw new UsageException("--create goes with file:PATH only");
        }
        serve(path(words.isEmpty() ? null : words.get(0)), backend);
    }

    private void serve(String path, String backend) throws Exception {
        var serviceManager = new ServiceManager(context.environment.get("NOTIFY_SOCKET"));
        var server = new Server(context.devices, path,
                geometry -> Backends.open(backend, isSet(create), geometry),
                new Server.Listener() {
                    @Override
                    public void waiting() {
                        context.complain(path + ": not set up yet; waiting for 'abusectl setup " + path + "'");
                    }

                    @Override
                    public void ready(Status status) {
                        context.out.println("abusectl: " + path + ": serving " + Sizes.exact(status.capacity()) + " from "
                                + backend + " on " + status.disk() + ", " + status.queues()
                                + (status.queues() == 1 ? " queue" : " queues"));
                        context.out.flush();
                        serviceManager.tell("READY=1");
                    }

                    @Override
                    public void problem(String message) {
                        context.complain(path + ": " + message);
                    }
                });
        context.signals.onStop(() -> {
            serviceManager.tell("STOPPING=1");
            server.stop();
        });
        try {
            server.run();
        } catch (SizeMismatchException e) {
            throw new FailedException(backend + ": holds " + inFull(e.size()) + ", but " + path + " has "
                    + inFull(e.capacity()) + "; try 'abusectl setup " + path + " sz=" + e.size() + "' after a reset", e);
        } catch (DeviceException e) {
            if (e.reason() == DeviceException.Cause.NOT_SET_UP) {
                throw new FailedException(path + ": " + e.getMessage() + "; it was reset, so the server ends", e);
            }
            throw e;
        }
    }

    private static String inFull(long bytes) {
        String exact = Sizes.exact(bytes);
        return exact.endsWith("bytes") ? exact : exact + " (" + bytes + " bytes)";
    }
}
