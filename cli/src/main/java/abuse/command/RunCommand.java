// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Config;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.DeviceException.Cause;
import abuse.device.Status;
import abuse.server.Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Setup, server and reset in one. */
final class RunCommand extends ServerCommand {
    private static final String FILE = "file:";

    RunCommand(Context context) {
        super(context, "run", "KEYS", "As in 'abusectl setup', with commas between them; without sz the size of the image",
                "Makes a disk of a free device, and serves it until told to stop.",
                "It prints the disk's name when it is ready. On SIGTERM and SIGINT it answers what it has taken, and takes the"
                + " disk away.");
        spec.usageMessage().customSynopsis("abusectl run [OPTION]... [KEY[=VALUE],...] [BACKEND]");
    }

    @Override
    void serve(String word, String backend, Server.BackendOpener opener) throws Exception {
        Config config = config(word == null ? "" : word, backend);
        String path = setUpFree(config);
        try {
            serve(path, backend, opener, Status::disk);
        } catch (FailedException e) {
            // Whatever is set up there after a reset is not ours
            if (!(e.getCause() instanceof DeviceException cause && cause.reason() == Cause.NOT_SET_UP)) {
                reset(path);
            }
            throw e;
        } catch (IOException e) {
            reset(path);
            throw e;
        }
        reset(path);
    }

    private static Config config(String word, String backend) throws UsageException, IOException {
        var keys = new SetupKeys(List.of(word));
        if (keys.isReconnect()) {
            throw new UsageException("'reconnect' is of no use for a free device");
        }
        if (!keys.hasSize() && backend.startsWith(FILE)) {
            Path image = Path.of(backend.substring(FILE.length()));
            if (Files.isRegularFile(image) && Files.size(image) > 0) {
                keys = new SetupKeys(List.of(word, "sz=" + Files.size(image)));
            }
        }
        return keys.config(null);
    }

    /** Of two that do this at once, the kernel gives a device to one. */
    private String setUpFree(Config config) throws FailedException, DeviceException {
        var busy = new ArrayList<String>();
        for (String path : allPaths()) {
            try (Device device = context.devices.open(path)) {
                device.setup(config);
                return path;
            } catch (DeviceException e) {
                if (e.reason() != Cause.BUSY) {
                    throw e;
                }
                busy.add(path);
            }
        }
        throw new FailedException("no device is free, all " + busy.size() + " are set up; 'abusectl reset' frees one, and the"
                + " module's parameter max_abuse makes more");
    }

    private void reset(String path) throws DeviceException {
        try (Device device = context.devices.open(path)) {
            device.reset();
        }
    }
}
