// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.Image;
import abuse.device.Config;
import abuse.device.Device;
import abuse.device.FreeDevice;
import abuse.device.Serving;
import abuse.device.Status;
import abuse.server.Server;
import abuse.server.SizeMismatchException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Setup, server and reset in one. */
final class RunCommand extends ServerCommand {
    private final Ending ending;

    RunCommand(Context context) {
        super(context, "run", "KEYS", "As in 'abusectl setup', separated by commas; sz and bs default to those of the image",
                "Makes a disk of a free device, and serves it until told to stop.",
                "It prints the disk's name when it is ready. On SIGTERM, SIGINT and SIGHUP it takes the disk away as soon as"
                + " nobody uses it, and at a second SIGTERM or SIGINT at once; a third one ends the command whatever it is waiting for. If it is killed, the disk goes, too, unless the"
                + " keys have autoremove=off.");
        exitStatus(new TreeMap<>(Map.of("1", "failed, or the disk was taken away while it was used",
                KILLED, "ended at once by a third SIGTERM or SIGINT, whose number is N")));
        ending = new Ending(context);
    }

    @Override
    void serve(String word, String backend, Server.BackendOpener opener) throws Exception {
        Config config = config(word == null ? "" : word, backend);
        // Before there is anything to undo
        context.signals.onStop(ending::ask, ending::force);
        try (ending) {
            Device device = FreeDevice.setUp(context.devices, config);
            ending.begin(device);
            // From now on the open node belongs to this disk, and to no later one
            device.serve(new Serving(Device.ANY_QUEUE, null, text(backend)));
            FreeDevice.awaitNode(device, ending::isAsked);
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
    String servedNode(String word) {
        return null;
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
        for (String piece : SetupKeys.pieces(word)) {
            if (DeviceName.number(piece) != null) {
                throw new UsageException("'" + piece + "' is a device, but this command takes a free one; 'abusectl server "
                        + piece + " " + typed(backend) + "' serves that one");
            }
        }
        var keys = new SetupKeys(List.of(word));
        if (keys.isReconnect()) {
            throw new UsageException("'reconnect' is of no use for a free device");
        }
        keys.autoremove();
        if (isCached()) {
            keys.mappable();
        }
        String qcow2 = Qcow2File.path(backend);
        if (qcow2 != null) {
            throw new FailedException(Qcow2File.words(qcow2, ""));
        }
        Image image = backends.look(backend);
        if (image != null) {
            boolean sized = keys.hasSize();
            keys.setDefaults(image.size(), image.blockSize(SetupKeys.BLOCK_SIZE), image.readOnly());
            keys.offer(image.discards(), image.writesZeroes());
            long block = keys.blockSize();
            if (!sized && image.size() % block != 0) {
                String words = image.size() % Config.MIN_BLOCK == 0 ? "add bs=" + Config.MIN_BLOCK
                        : "'truncate -s %" + block + " " + (backend.startsWith(FILE) ? backend.substring(FILE.length()) + "' rounds the size up"
                                : "FILE' at its server rounds the size up");
                throw new FailedException(backends.shown(backend) + ": " + image.size() + " bytes are not a multiple of the block size, "
                        + block + "; " + words);
            }
        }
        return keys.config(null);
    }
}
