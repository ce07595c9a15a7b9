// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file that names who has the lock of an image, with a lock of the kernel that ends with its process. It is never deleted,
 * as somebody could have opened it before, and would then lock what nobody else finds.
 */
final class OwnerFile implements AutoCloseable {
    /** Any byte but the first one. */
    private static final long BYTE = 1;
    private static final int ROOM = 4096;
    /** How often somebody may replace the file while it is being opened. */
    private static final int TRIES = 10;

    /** Negative if there can be no such file. */
    private final int fd;
    private final boolean alone;

    private OwnerFile(int fd, boolean alone) {
        this.fd = fd;
        this.alone = alone;
    }

    /** Opens and locks it, if that can be. */
    static OwnerFile open(Path path) {
        try {
            Files.createDirectories(path.getParent());
            for (int i = 0; i < TRIES; i++) {
                int fd = Unix.open(path.toString(), Unix.O_RDWR | Unix.O_CREAT | Unix.O_CLOEXEC, 0600);
                if (fd < 0) {
                    break;
                }
                boolean alone = Unix.lockForReading(fd, BYTE) == 0 && Unix.firstLock(fd, BYTE, 1) == 0;
                if (isAt(path, fd)) {
                    return new OwnerFile(fd, alone);
                }
                Unix.close(fd);
            }
        } catch (IOException e) {
            // Then the cluster has to notice who is dead
        }
        return new OwnerFile(-1, false);
    }

    private static boolean isAt(Path path, int fd) {
        try {
            return Files.isSameFile(path, Path.of("/proc/self/fd/" + fd));
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether nobody else of this machine had it open when it was opened. */
    boolean isAlone() {
        return alone;
    }

    /** Whom it names; empty for nobody. */
    String owner() {
        try (Memory memory = Memory.map(ROOM)) {
            int length = (int) Math.max(0, Unix.pread(fd, memory.address(), ROOM, 0));
            byte[] text = new byte[length];
            memory.buffer().get(0, text);
            return new String(text, UTF_8);
        }
    }

    /** Names somebody else from now on, if that can be. */
    void name(String owner) {
        byte[] text = owner.getBytes(UTF_8);
        try (Memory memory = Memory.map(ROOM)) {
            memory.buffer().put(0, text);
            if (Unix.ftruncate(fd, 0) < 0 || Unix.pwrite(fd, memory.address(), text.length, 0) < text.length) {
                // Nobody is better than half a name
                Unix.ftruncate(fd, 0);
            }
        }
    }

    @Override
    public void close() {
        if (fd >= 0) {
            Unix.close(fd);
        }
    }
}
