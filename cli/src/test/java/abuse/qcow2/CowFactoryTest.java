// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.libc.Memory;
import abuse.libc.Unix;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import jnr.ffi.LibraryLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How an overlay is made. */
class CowFactoryTest {
    private static final int IN_CLOSE = 0x18;
    private static final int IN_OPEN = 0x20;
    private static final int IN_NONBLOCK = 0x800;
    private static final int EVENT = 16;

    /** Tells who opens a file. */
    public interface Inotify {
        int inotify_init1(int flags);

        int inotify_add_watch(int fd, String path, int events);
    }

    @TempDir
    private Path directory;

    @Test
    void what_is_told_of_a_base_is_of_one_file_though_another_gets_its_name() throws Exception {
        Path base = Files.write(directory.resolve("base"), new byte[1 << 20]);
        Inotify inotify = LibraryLoader.create(Inotify.class).load("c");
        int fd = inotify.inotify_init1(IN_NONBLOCK);
        try (Memory events = Memory.map(1 << 16)) {
            assertTrue(inotify.inotify_add_watch(fd, base.toString(), IN_OPEN | IN_CLOSE) > 0);
            new CowFactory().look(base.toString());
            long length = Unix.read(fd, events.address(), 1 << 16);
            int opens = 0;
            for (int at = 0; at < length; at += EVENT) {
                opens += (events.buffer().order(ByteOrder.nativeOrder()).getInt(at + Integer.BYTES) & IN_OPEN) != 0 ? 1 : 0;
            }
            // Once for what is to be known, and once as part of the image
            assertEquals(2, opens);
        } finally {
            Unix.close(fd);
        }
    }
}
