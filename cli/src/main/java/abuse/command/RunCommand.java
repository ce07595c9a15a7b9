// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.Image;
import abuse.device.Config;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.DeviceException.Cause;
import abuse.device.Serving;
import abuse.device.Status;
import abuse.server.Server;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Setup, server and reset in one. */
final class RunCommand extends ServerCommand {
    private final Ending ending;

    RunCommand(Context context) {
        super(context, "run", "KEYS", "As in 'abusectl setup', with commas between them; without sz and bs those of the image",
                "Makes a disk of a free device, and serves it until told to stop.",
                "It prints the disk's name when it is ready. On SIGTERM, SIGINT and SIGHUP it takes the disk away as soon as"
                + " nobody uses it, and at a second SIGTERM or SIGINT at once.");
        ending = new Ending(context);
        spec.usageMessage().customSynopsis("abusectl run [OPTION]... [KEY[=VALUE],...] [BACKEND]");
    }

    @Override
    void serve(String word, String backend, Server.BackendOpener opener) throws Exception {
        Config config = config(word == null ? "" : word, backend);
        // Before there is anything to be undone
        context.signals.onStop(ending::ask, ending::force);
        try (ending) {
            Device device = setUpFree(config);
            ending.begin(device);
            // From now on it can tell this disk from a later one
            device.serve(new Serving(Device.ANY_QUEUE, null, backend));
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

    /** What was not given is as the image has it. */
    private Config config(String word, String backend) throws UsageException {
        var keys = new SetupKeys(List.of(word));
        if (keys.isReconnect()) {
            throw new UsageException("'reconnect' is of no use for a free device");
        }
        Image image = backends.look(backend);
        if (image != null) {
            keys.setDefaults(image.size(), image.blockSize(SetupKeys.BLOCK_SIZE));
        }
        return keys.config(null);
    }

    /** Of two that do this at once, the kernel gives a device to one. */
    @SuppressWarnings("resource") // what is returned is open
    private Device setUpFree(Config config) throws FailedException, DeviceException {
        var busy = new ArrayList<String>();
        for (String path : allPaths()) {
            Device device = context.devices.open(path);
            try {
                device.setup(config);
                return device;
            } catch (DeviceException e) {
                device.close();
                if (e.reason() != Cause.BUSY) {
                    throw e;
                }
                busy.add(path);
            }
        }
        throw new FailedException("no device is free, all " + busy.size() + " are set up; 'abusectl reset' frees one, and the"
                + " module's parameter max_abuse makes more");
    }
}
