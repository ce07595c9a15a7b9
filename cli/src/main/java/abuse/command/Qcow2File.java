// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.Image;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** A file that is to be served as it is, and holds a disk in the format of qemu. */
final class Qcow2File {
    private static final byte[] MAGIC = {'Q', 'F', 'I', (byte) 0xfb};

    private Qcow2File() {}

    /** The path of a backend that is one, as far as its first bytes tell, which users of a disk may have written, too; else null. */
    static String path(String backend) {
        if (!backend.startsWith(ServerCommand.FILE)) {
            return null;
        }
        String path = backend.substring(ServerCommand.FILE.length());
        try {
            // A pipe would wait for its other end
            if (!Files.isRegularFile(Path.of(path)) && !Image.isBlockDevice(path)) {
                return null;
            }
            try (InputStream in = Files.newInputStream(Path.of(path))) {
                return Arrays.equals(MAGIC, in.readNBytes(MAGIC.length)) ? path : null;
            }
        } catch (IOException e) {
            // Whoever opens it to serve it says why that fails
            return null;
        }
    }

    /** What to say about one. */
    static String words(String path, String what) {
        return path + ": begins as a qcow2 image does" + what + "; 'qcow2:" + path + "' serves the disk in it";
    }
}
