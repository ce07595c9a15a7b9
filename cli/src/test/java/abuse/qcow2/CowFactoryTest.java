// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import abuse.backend.Geometry;
import abuse.libc.Memory;
import abuse.libc.Unix;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import jnr.ffi.LibraryLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How an overlay is made. */
class CowFactoryTest {
    private static final int IN_CLOSE = 0x18;
    private static final int IN_OPEN = 0x20;
    private static final int IN_CREATE = 0x100;
    private static final int IN_DELETE = 0x200;
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
            // It needs no overlay
            assertEquals(1 << 20, new CowFactory(directory.resolve("gone")).look(base.toString()).size());
            // Once for what is to be known, and once for its bytes
            assertEquals(List.of(IN_OPEN, IN_OPEN), happened(fd, events, IN_OPEN));
        } finally {
            Unix.close(fd);
        }
    }

    /** Those of some events that happened, the first one first. */
    private static List<Integer> happened(int fd, Memory memory, int wanted) {
        ByteBuffer events = memory.buffer().order(ByteOrder.nativeOrder());
        var happened = new ArrayList<Integer>();
        long length = Unix.read(fd, memory.address(), memory.size());
        for (int at = 0; at < length; at += EVENT + events.getInt(at + EVENT - Integer.BYTES)) {
            int event = events.getInt(at + Integer.BYTES) & wanted;
            if (event != 0) {
                happened.add(event);
            }
        }
        return happened;
    }

    @Test
    void an_overlay_that_is_kept_is_durable() throws Exception {
        Path base = Files.write(directory.resolve("base"), new byte[1 << 20]);
        try (Backend backend = new CowFactory(directory).open(base + ",keep=" + directory.resolve("kept"), Set.of(),
                new Geometry(0, 1 << 20, 512, 65536, false))) {
            assertFalse(((Qcow2Backend) backend).image.file.isTemporary());
        }
    }

    @Test
    void without_hard_links_a_name_is_taken_only_if_nobody_has_it() throws Exception {
        Path whole = Files.writeString(directory.resolve("whole"), "whole");
        Path name = directory.resolve("name");
        assertTrue(CowFactory.rename(whole, name));
        assertEquals("whole", Files.readString(name));
        assertFalse(Files.exists(whole));
        Path second = Files.writeString(directory.resolve("second"), "second");
        assertFalse(CowFactory.rename(second, name));
        assertEquals("whole", Files.readString(name));
        assertTrue(Files.exists(second));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void an_overlay_that_is_thrown_away_has_lost_its_name_before_anything_can_wait(boolean readOnly) throws Exception {
        Path base = Files.write(directory.resolve("base"), new byte[1 << 20]);
        Path folder = Files.createDirectory(directory.resolve("temporary"));
        Inotify inotify = LibraryLoader.create(Inotify.class).load("c");
        int fd = inotify.inotify_init1(IN_NONBLOCK);
        try (Memory events = Memory.map(1 << 16)) {
            assertTrue(inotify.inotify_add_watch(fd, base.toString(), IN_OPEN) > 0);
            assertTrue(inotify.inotify_add_watch(fd, folder.toString(), IN_CREATE | IN_DELETE) > 0);
            try (Backend backend = new CowFactory(folder).open(base.toString(), Set.of(), new Geometry(0, 1 << 20, 512, 65536, readOnly))) {
                assertEquals(List.of(IN_OPEN, IN_CREATE, IN_DELETE, IN_OPEN), happened(fd, events, IN_OPEN | IN_CREATE | IN_DELETE));
                assertTrue(((Qcow2Backend) backend).image.file.isTemporary());
                if (!readOnly) {
                    backend.write(512, ByteBuffer.allocateDirect(512).put(0, (byte) 7));
                }
                ByteBuffer bytes = ByteBuffer.allocateDirect(1024);
                backend.read(0, bytes);
                assertEquals(readOnly ? 0 : 7, bytes.get(512));
            }
        } finally {
            Unix.close(fd);
        }
    }
}
