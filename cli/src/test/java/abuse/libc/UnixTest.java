// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.CCompiler;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class UnixTest {
    private static final List<String> HEADERS = List.of("#define _GNU_SOURCE", "#include <errno.h>", "#include <fcntl.h>",
            "#include <poll.h>", "#include <unistd.h>", "#include <linux/falloc.h>", "#include <linux/fs.h>", "#include <sys/prctl.h>",
            "#include <sys/mman.h>", "#include <sys/socket.h>", "#include <sys/un.h>",
            "#include <sys/epoll.h>", "#include <signal.h>", "#include <spawn.h>", "#include <sys/wait.h>");

    private static Map<String, Long> constants() throws Exception {
        var constants = new LinkedHashMap<String, Long>(CCompiler.constants(Unix.class));
        assertTrue(constants.size() > 30);
        constants.putAll(CCompiler.constants(Epoll.class));
        constants.putAll(CCompiler.constants(Child.class));
        constants.keySet().removeAll(List.of("END", "PIPE", "STRUCTURE", "SIGINFO", "SIGNAL"));
        constants.putAll(CCompiler.layout("struct epoll_event", Epoll.EpollEvent.class));
        constants.putAll(CCompiler.layout("struct pollfd", Unix.PollFd.class));
        constants.putAll(CCompiler.layout("struct flock", Unix.Flock.class));
        constants.putAll(CCompiler.layout("struct sockaddr_un", Unix.SockaddrUn.class));
        return constants;
    }

    @Test
    void constants_are_those_of_the_C_compiler() throws Exception {
        var expected = constants();
        assertEquals(Map.of(), CCompiler.differences(expected, CCompiler.evaluate(HEADERS, new ArrayList<>(expected.keySet()))));
    }

    @ParameterizedTest
    @EnumSource
    @Tag("packages")
    void constants_are_those_of_the_C_headers_on_every_architecture(CCompiler.Target target) throws Exception {
        var expected = constants();
        var there = Architecture.named(target.javaName);
        expected.put("O_DIRECT", (long) there.oDirect());
        expected.put("BLKRRPART", (long) there.blkRrpart());
        expected.put("BLKDISCARD", (long) there.blkDiscard());
        expected.put("MAP_NORESERVE", (long) there.mapNoReserve());
        expected.put("MCL_CURRENT", (long) there.mclCurrent());
        expected.put("MCL_FUTURE", (long) there.mclFuture());
        expected.put("offsetof(struct epoll_event, data)", (long) there.epollData());
        expected.put("sizeof(struct epoll_event)", there.epollData() + 8L);
        assertEquals(Map.of(), CCompiler.differences(expected, CCompiler.evaluate(target, HEADERS, new ArrayList<>(expected.keySet()))));
    }

    @Test
    void errors_have_the_words_of_the_C_library() {
        assertEquals(-1, Unix.open("/nowhere/at/all", Unix.O_RDONLY));
        assertEquals(Unix.ENOENT, Unix.errno());
        assertEquals("No such file or directory", Unix.strerror(Unix.ENOENT));
        assertEquals("Inappropriate ioctl for device", Unix.strerror(Unix.ENOTTY));
    }

    @Test
    void poll_tells_events_and_errors() {
        int fd = Unix.open("/dev/zero", Unix.O_RDWR | Unix.O_CLOEXEC);
        assertEquals(Unix.POLLIN, Unix.poll(fd, Unix.POLLIN, 1000));
        assertEquals(0, Unix.poll(fd, Unix.POLLMSG, 1));
        assertEquals(0, Unix.close(fd));
    }

    @Test
    void sending_to_nobody_is_an_error_and_no_exception() {
        assertEquals(-Unix.ENOENT, Unix.send("/nowhere/at/all", "READY=1"));
        assertEquals(-Unix.EINVAL, Unix.send("", "READY=1"));
        assertEquals(-Unix.EINVAL, Unix.send("/" + "x".repeat(108), "READY=1"));
    }

    /** What a service manager calls. */
    public interface Receiver {
        int bind(int fd, long address, int length);

        long recv(int fd, long address, long length, int flags);
    }

    @Test
    void what_is_sent_arrives() throws Exception {
        var receiver = jnr.ffi.LibraryLoader.create(Receiver.class).load("libc.so.6");
        Path directory = Files.createTempDirectory("abuse");
        for (String name : new String[] {directory + "/socket", "@abuse-test-" + ProcessHandle.current().pid()}) {
            int fd = Unix.socket(Unix.SOCK_DGRAM);
            try (Memory memory = Memory.map(4096)) {
                byte[] path = name.replace('@', '\0').getBytes(US_ASCII);
                memory.buffer().putShort(0, (short) Unix.AF_UNIX).put(Unix.SockaddrUn.SUN_PATH, path);
                assertEquals(0, receiver.bind(fd, memory.address(), Unix.SockaddrUn.SUN_PATH + path.length));
                assertEquals(0, Unix.send(name, "READY=1\nSTATUS=\u00e9"));
                byte[] bytes = new byte[(int) receiver.recv(fd, memory.address(), 4096, 0)];
                memory.buffer().get(bytes);
                assertEquals("READY=1\nSTATUS=\u00e9", new String(bytes, UTF_8));
            } finally {
                Unix.close(fd);
            }
        }
        Files.deleteIfExists(directory.resolve("socket"));
        Files.delete(directory);
    }

    @Test
    void memory_is_zeroed_by_pages_and_by_bytes() {
        int page = Memory.pageSize();
        try (Memory memory = Memory.map(4L * page)) {
            assertEquals(0, memory.address() % page);
            var bytes = memory.buffer();
            for (int[] range : new int[][] {{0, 4 * page}, {100, 200}, {100, page}, {page - 1, page + 2}, {page, page},
                    {1, 4 * page - 2}}) {
                for (int i = 0; i < 4 * page; i++) {
                    bytes.put(i, (byte) 7);
                }
                memory.zero(range[0], range[1]);
                for (int i = 0; i < 4 * page; i++) {
                    boolean within = i >= range[0] && i < range[0] + range[1];
                    assertEquals(within ? 0 : 7, bytes.get(i), i + " of " + range[0] + "+" + range[1]);
                }
            }
        }
    }

    @Test
    void a_program_that_is_not_there_does_not_replace_this_one() {
        assertEquals(-Unix.ENOENT, Unix.execute("/nowhere/at/all", List.of("all", "")));
    }

    @Test
    void available_memory_is_less_than_there_is() throws Exception {
        long all = ((com.sun.management.OperatingSystemMXBean) java.lang.management.ManagementFactory
                .getOperatingSystemMXBean()).getTotalMemorySize();
        assertTrue(Memory.available() > 0 && Memory.available() < all);
    }

    @Test
    void memory_without_room_is_refused_in_words() {
        try (Memory memory = Memory.map(Long.MAX_VALUE)) {
            assertFalse(true, "mapped " + memory.size());
        } catch (OutOfMemoryError e) {
            assertEquals("Cannot allocate memory", e.getMessage());
        }
    }

    @Test
    void addresses_of_buffers_count_from_their_position() {
        try (Memory memory = Memory.map(8192)) {
            assertEquals(memory.address() + 100, Memory.addressOf(memory.buffer().position(100)));
        }
    }

    @Test
    void device_numbers_are_shown_as_ls_does() {
        assertEquals("60:0", Unix.deviceNumber(60 << 8));
        assertEquals("259:1048575", Unix.deviceNumber(259 << 8 | 0xff | 0xfff00000L));
    }
}
