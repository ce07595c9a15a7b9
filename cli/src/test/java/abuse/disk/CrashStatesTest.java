// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import abuse.backend.HeapBackend;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The states of a disk that threads of this program serve. */
@Timeout(600)
class CrashStatesTest {
    private static final int BLOCK = 4096;
    private static final int SIZE = 1 << 20;

    private final List<String> problems = new ArrayList<>();

    private SimulatedDisk start(Backend backend) throws DiskException {
        return SimulatedDisk.start(Disk.builder().size(SIZE).recorded().backend(backend).listener(problems::add));
    }

    private SimulatedDisk start() throws DiskException {
        return start(new HeapBackend(SIZE));
    }

    private static byte[] block(char letter) {
        byte[] block = new byte[BLOCK];
        Arrays.fill(block, (byte) letter);
        return block;
    }

    /** The first letters of the first blocks. */
    private static String letters(Path image) throws IOException {
        byte[] bytes = Files.readAllBytes(image);
        assertEquals(SIZE, bytes.length);
        var text = new StringBuilder();
        for (int at = 0; at < 3 * BLOCK; at += BLOCK) {
            text.append(bytes[at] == 0 ? '.' : (char) bytes[at]);
        }
        return text.toString();
    }

    private static Set<String> all(CrashStates states) throws IOException {
        var all = new TreeSet<String>();
        states.forEach(image -> all.add(letters(image)));
        return all;
    }

    @Test
    void each_state_is_seen() throws Exception {
        var store = new HeapBackend(SIZE);
        try (var before = SimulatedDisk.start(Disk.builder().backend(store))) {
            before.write(2 * BLOCK, block('x'));
        }
        try (var disk = start(store)) {
            disk.write(0, block('a'));
            disk.flush();
            disk.write(BLOCK, block('b'));
            disk.disk().mark("here");
            disk.writeDurably(2 * BLOCK, block('c'));
            CrashStates states = CrashStates.of(disk.disk());
            assertEquals(Set.of("..x", "a.x", "abx", "a.c", "abc"), all(states));
            assertEquals(Set.of("a.x", "abx", "a.c", "abc"), all(states.fromMark("here")));
            assertEquals(Set.of("abx", "abc"), all(states.most(1)));
            // The disk goes on
            disk.flush();
            disk.discard(0, BLOCK);
            assertTrue(all(CrashStates.of(disk.disk())).contains(".bc"));
        }
        assertEquals(List.of(), problems);
    }

    @Test
    void what_a_check_leaves_beside_a_state_is_not_there_for_the_next() throws Exception {
        try (var disk = start()) {
            disk.write(0, block('a'));
            disk.flush();
            var count = new int[1];
            CrashStates.of(disk.disk()).forEach(image -> {
                Files.writeString(Files.createDirectory(image.resolveSibling("journal")).resolve("left"), "by the last one");
                Files.writeString(image.getParent().resolveSibling("left"), "by each");
                count[0]++;
            });
            assertTrue(count[0] > 1, "only " + count[0]);
        }
    }

    /** Closes no disk. */
    static final class Unclosed {
        public static void main(String... words) throws Exception {
            var disk = SimulatedDisk.start(Disk.builder().size(SIZE).recorded());
            disk.write(0, block('a'));
            System.out.println(recordings(Path.of(System.getProperty("java.io.tmpdir"))));
            throw new AssertionError("a test that fails");
        }
    }

    private static long recordings(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().startsWith("abuse-record")).count();
        }
    }

    @Test
    void a_record_goes_with_the_program_that_never_closed_its_disk(@TempDir Path folder) throws Exception {
        Process program = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin/java").toString(), "-cp", System.getProperty("java.class.path"),
                "-Djava.io.tmpdir=" + folder, Unclosed.class.getName()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        assertEquals("1\n", new String(program.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertEquals(1, program.waitFor());
        assertEquals(0, recordings(folder));
    }

    @Test
    void a_state_that_is_bad_is_told() throws Exception {
        try (var disk = start()) {
            disk.write(2 * BLOCK, block('x'));
            disk.flush();
            disk.write(0, block('a'));
            disk.write(BLOCK, block('b'));
            disk.disk().mark("done");
            Thread caller = Thread.currentThread();
            var first = new ArrayList<Throwable>();
            var e = assertThrows(AssertionError.class, () -> CrashStates.of(disk.disk()).forEach(image -> {
                assertSame(caller, Thread.currentThread());
                try {
                    assertFalse(letters(image).startsWith(".b"), "b without a");
                } catch (AssertionError error) {
                    first.add(error);
                    throw error;
                }
            }));
            assertSame(first.get(0), e.getCause());
            assertEquals("""
                    a power cut can leave a state that the check refuses, after 3 good ones: %s
                    state: 3-2
                    last: 3
                    lost: 2
                    smallest: 3-2
                    the smallest one, after the first 2 entries:
                      2 write of 4096 bytes at 0, lost
                      3 write of 4096 bytes at 4096""".formatted(first.get(0)), e.getMessage());
        }
    }

    @Test
    void what_matters_is_told_and_not_what_does_not() throws Exception {
        try (var disk = start()) {
            disk.write(0, block('a'));
            for (int i = 0; i < 40; i++) {
                disk.write(2 * BLOCK, block('x'));
            }
            disk.write(BLOCK, block('b'));
            String message = assertThrows(AssertionError.class, () -> CrashStates.of(disk.disk()).forEach(image -> assertFalse(letters(image).startsWith("a.")))).getMessage();
            assertTrue(message.endsWith("""
                    smallest: 0
                    the smallest one, after the first 0 entries:
                      0 write of 4096 bytes at 0"""), message);
            message = assertThrows(AssertionError.class, () -> CrashStates.of(disk.disk()).forEach(image -> assertFalse(letters(image).equals("...")))).getMessage();
            assertTrue(message.endsWith("\nsmallest: start\nwhich is the disk without any write"), message);
            message = assertThrows(AssertionError.class, () -> CrashStates.of(disk.disk()).forEach(image -> assertFalse(letters(image).equals("abx")))).getMessage();
            assertTrue(message.endsWith("\n  31 write of 4096 bytes at 8192\n  and 10 more"), message);
        }
    }

    @Test
    void what_a_check_writes_is_gone_for_the_next_one() throws Exception {
        try (var disk = start()) {
            for (char letter = 'a'; letter < 'f'; letter++) {
                disk.write(0, block(letter));
                disk.flush();
            }
            CrashStates.of(disk.disk()).forEach(image -> {
                try (var channel = FileChannel.open(image, StandardOpenOption.WRITE)) {
                    assertTrue(letters(image).endsWith(".."), letters(image));
                    channel.write(java.nio.ByteBuffer.wrap(block('!')), BLOCK);
                }
            });
        }
    }

    @Test
    void another_seed_chooses_other_states() throws Exception {
        try (var disk = start()) {
            for (int i = 0; i < 30; i++) {
                disk.write(i % 3 * BLOCK, block((char) ('a' + i)));
            }
            var seen = new ArrayList<List<String>>();
            for (long seed : new long[] {1, 1, 2}) {
                var one = new ArrayList<String>();
                CrashStates.of(disk.disk()).most(100).seed(seed).forEach(image -> one.add(letters(image)));
                assertEquals(100, one.size());
                seen.add(one);
            }
            assertEquals(seen.get(0), seen.get(1));
            assertFalse(seen.get(0).equals(seen.get(2)));
        }
    }

    @Test
    void an_interrupt_ends_the_walk() throws Exception {
        try (var disk = start()) {
            disk.write(0, block('a'));
            var calls = new ArrayList<Path>();
            assertThrows(InterruptedIOException.class, () -> CrashStates.of(disk.disk()).forEach(image -> {
                calls.add(image);
                throw new InterruptedException();
            }));
            assertTrue(Thread.interrupted());
            assertEquals(1, calls.size());
        }
    }

    /** What recordings and walks keep in the folder for temporary files. */
    private static Set<Path> left() throws IOException {
        try (var files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            return new TreeSet<>(files.filter(file -> file.getFileName().toString().startsWith("abuse-record")).toList());
        }
    }

    @Test
    void nothing_is_left_of_a_disk_that_is_closed() throws Exception {
        Set<Path> before = left();
        CrashStates states;
        try (var disk = start()) {
            disk.write(0, block('a'));
            states = CrashStates.of(disk.disk());
            assertThrows(AssertionError.class, () -> states.forEach(image -> {
                throw new IOException();
            }));
        }
        assertThrows(DiskException.class, () -> start(new HeapBackend(2 * SIZE)));
        assertEquals(before, left());
        assertEquals("/dev/abuse0 is closed, and what was recorded is gone with it",
                assertThrows(IllegalStateException.class, () -> states.forEach(image -> {})).getMessage());
    }

    @Test
    void mistakes_are_told() throws Exception {
        try (var disk = SimulatedDisk.start(Disk.builder().size(SIZE))) {
            String message = "/dev/abuse0 is not recorded; call recorded() of its builder, or write @TempDisk(recorded = true)";
            assertEquals(message, assertThrows(IllegalStateException.class, () -> CrashStates.of(disk.disk())).getMessage());
            assertEquals(message, assertThrows(IllegalStateException.class, () -> disk.disk().mark("m")).getMessage());
        }
        try (var disk = start()) {
            CrashStates states = CrashStates.of(disk.disk());
            assertEquals("nothing was written to /dev/abuse0, so there is nothing to check",
                    assertThrows(IllegalStateException.class, () -> states.forEach(image -> {})).getMessage());
            disk.write(0, block('a'));
            assertEquals("/dev/abuse0 has no mark 'm'",
                    assertThrows(IllegalArgumentException.class, () -> states.fromMark("m").forEach(image -> {})).getMessage());
            assertEquals("most 0 must be from 1 to 1048576", assertThrows(IllegalArgumentException.class, () -> states.most(0)).getMessage());
            assertThrows(IOException.class, () -> disk.disk().mark("m".repeat(5000)));
        }
    }
}
