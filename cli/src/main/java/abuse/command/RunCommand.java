// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.Image;
import abuse.device.Config;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.DeviceException.Call;
import abuse.device.DeviceException.Reason;
import abuse.device.Serving;
import abuse.device.Status;
import abuse.server.Server;
import abuse.server.SizeMismatchException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Setup, server and reset in one. */
final class RunCommand extends ServerCommand {
    /** How long to wait for a node. */
    private static final long NODE_NS = 3_000_000_000L;

    private final Ending ending;

    RunCommand(Context context) {
        super(context, "run", "KEYS", "As in 'abusectl setup', separated by commas; sz and bs default to those of the image",
                "Makes a disk of a free device, and serves it until told to stop.",
                "It prints the disk's name when it is ready. On SIGTERM, SIGINT and SIGHUP it takes the disk away as soon as"
                + " nobody uses it, and at a second SIGTERM or SIGINT at once. If it is killed, the disk goes, too, unless the"
                + " keys have autoremove=off.");
        ending = new Ending(context);
    }

    @Override
    void serve(String word, String backend, Server.BackendOpener opener) throws Exception {
        Config config = config(word == null ? "" : word, backend);
        // Before there is anything to undo
        context.signals.onStop(ending::ask, ending::force);
        try (ending) {
            Device device = setUpFree(config);
            ending.begin(device);
            // From now on the open node belongs to this disk, and to no later one
            device.serve(new Serving(Device.ANY_QUEUE, null, text(backend)));
            awaitNode(device);
            if (!ending.isAsked()) {
                serve(device.path(), backend, opener, Status::disk);
            }
        }
        if (ending.lost() != null) {
            throw new FailedException(ending.lost() + "; it was taken away all the same");
        }
    }

    @Override
    void wasReset(FailedException e) throws FailedException {
        ending.forget();
        if (!ending.isAsked()) {
            throw e;
        }
    }

    @Override
    void onStop(Runnable stop) {
        ending.onStop(stop);
    }

    @Override
    boolean isMeantFirst(String word) {
        return SetupKeys.isMeant(word) || DeviceName.number(word) != null;
    }

    @Override
    boolean mustBeHeard() {
        return true;
    }

    @Override
    String sizeAdvice(String path, SizeMismatchException e) {
        return "add sz=" + e.size();
    }

    /** The setup that the keys ask for; the image gives what they leave out. */
    private Config config(String word, String backend) throws UsageException, FailedException, IOException {
        for (String piece : word.split(",")) {
            if (DeviceName.number(piece) != null) {
                throw new UsageException("'" + piece + "' is a device, but this command takes a free one; 'abusectl server "
                        + piece + "' serves that one");
            }
        }
        var keys = new SetupKeys(List.of(word));
        if (keys.isReconnect()) {
            throw new UsageException("'reconnect' is of no use for a free device");
        }
        keys.autoremove();
        Image image = backends.look(backend);
        if (image != null) {
            boolean sized = keys.hasSize();
            keys.setDefaults(image.size(), image.blockSize(SetupKeys.BLOCK_SIZE), image.readOnly());
            keys.offer(image.discards(), image.writesZeroes());
            long block = keys.blockSize();
            if (!sized && image.size() % block != 0) {
                throw new FailedException(backend + ": " + image.size() + " bytes are not a multiple of the block size, "
                        + block + "; " + (image.size() % Config.MIN_BLOCK == 0 ? "add bs=" + Config.MIN_BLOCK
                        : "'truncate -s %" + block + " " + backend.substring(FILE.length()) + "' makes them one"));
            }
        }
        return keys.config(null);
    }

    /** Sets up a free device, or another one. If two commands try at once, the kernel gives the device to one. */
    private Device setUpFree(Config config) throws FailedException, DeviceException {
        int busy = 0;
        var refusals = new ArrayList<DeviceException>();
        for (String path : allPaths()) {
            try {
                return setUp(path, config);
            } catch (DeviceException e) {
                if (e.reason() == Reason.BUSY) {
                    busy++;
                } else if (e.call() == Call.OPEN || e.reason() == Reason.NOT_ABUSE) {
                    refusals.add(e);
                } else {
                    throw e;
                }
            }
        }
        if (busy == 0) {
            throw refusals.get(0);
        }
        while (true) {
            try {
                return setUp(context.devices.make(-1), config);
            } catch (DeviceException e) {
                if (e.call() == Call.ADD) {
                    throw noneIsFree(busy, refusals, e);
                }
                if (e.reason() != Reason.BUSY) {
                    throw e;
                }
            }
        }
    }

    private static FailedException noneIsFree(int busy, List<DeviceException> refusals, DeviceException noMore) {
        String advice = "; 'abusectl reset' frees one, and " + switch (noMore.reason()) {
            case DENIED -> "root can make more";
            case MISSING -> "others have no node in this /dev, such as " + noMore.device();
            default -> "max_abuse allows no more";
        };
        return new FailedException(refusals.isEmpty() ? "no device is free, all " + busy + " are set up" + advice
                : "no device is free: " + busy + (busy == 1 ? " is" : " are") + " set up, " + refusals.size()
                        + " cannot be used, such as " + refusals.get(0).device() + ":"
                        + " " + refusals.get(0).getMessage() + advice);
    }

    @SuppressWarnings("resource") // what is returned is open
    private Device setUp(String path, Config config) throws DeviceException {
        Device device = context.devices.open(path);
        try {
            device.setup(config);
            return device;
        } catch (DeviceException e) {
            device.close();
            throw e;
        }
    }

    /** Waits for the disk's node, which the kernel makes at once, or a daemon soon. */
    private void awaitNode(Device device) throws FailedException, DeviceException, InterruptedException {
        long start = System.nanoTime();
        for (String problem = device.nodeProblem(); problem != null && !ending.isAsked(); problem = device.nodeProblem()) {
            if (System.nanoTime() - start >= NODE_NS) {
                throw new FailedException(device.status().disk() + ": " + problem);
            }
            Thread.sleep(20);
        }
    }
}
