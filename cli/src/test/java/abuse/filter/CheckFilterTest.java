// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import abuse.backend.Geometry;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The filter check, and requests that take away or zero many blocks. */
@Timeout(300)
class CheckFilterTest {
    private static final int LAST = 255;

    private final TestStore store = new TestStore();

    private FilteredBackend disk() throws Exception {
        return store.behind(TestStore.filter("check", Map.of("fail", true)));
    }

    private void spoil(int block) {
        store.bytes[block * TestStore.BLOCK] ^= 1;
    }

    private void isWrong(FilteredBackend disk, int block) {
        assertThrows(IOException.class, () -> TestStore.read(disk, block));
        assertTrue(store.log().contains("check: the block at " + block * TestStore.BLOCK + " is not what it was"), store.log());
    }

    /** Storage of any size that keeps nothing. */
    private static final class Endless implements AsyncBackend {
        @Override
        public void submit(AsyncRequest request) {
            request.complete();
        }

        @Override
        public void close() {
            // There is nothing
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"WRITE_ZEROES", "DISCARD"})
    void a_large_disk_takes_little_memory(Kind kind) throws Exception {
        long blocks = 1L << 33;
        var geometry = new Geometry(0, blocks * TestStore.BLOCK, TestStore.BLOCK, 1 << 17, false);
        try (var disk = new FilteredBackend(new Endless(), List.of(TestStore.filter("check", Map.of("fail", true))), geometry,
                OutputStream.nullOutputStream())) {
            long longest = 1 << 19;
            var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long before = threads.getCurrentThreadAllocatedBytes();
            // A terabyte at the end of 32
            for (long i = 0; i < 512; i++) {
                assertNull(new TestRequest(kind, blocks - (i + 1) * longest, longest).submitTo(disk).await());
            }
            long taken = threads.getCurrentThreadAllocatedBytes() - before;
            assertTrue(taken < 16 << 20, taken + " bytes");
            TestStore.read(disk, blocks - 1);
        }
    }

    @Test
    void zeroes_are_known_where_nothing_was() throws Exception {
        try (var disk = disk()) {
            disk.writeZeroes(0, 256 * TestStore.BLOCK);
            assertEquals(0, TestStore.read(disk, 5));
            spoil(5);
            isWrong(disk, 5);
            spoil(5);
            TestStore.write(disk, LAST, 9);
            assertEquals(9, TestStore.read(disk, LAST));
            spoil(6);
            isWrong(disk, 6);
        }
    }

    @Test
    void whole_parts_of_zeroes_are_known_too() throws Exception {
        var large = new TestStore(16 << 20);
        try (var disk = large.behind(TestStore.filter("check", Map.of("fail", true)))) {
            disk.writeZeroes(0, 16 << 20);
            assertEquals(0, TestStore.read(disk, 2000));
            large.bytes[2000 * TestStore.BLOCK] = 1;
            assertThrows(IOException.class, () -> TestStore.read(disk, 2000));
            TestStore.write(disk, 2000, 4);
            assertEquals(4, TestStore.read(disk, 2000));
            large.bytes[2001 * TestStore.BLOCK] = 1;
            assertThrows(IOException.class, () -> TestStore.read(disk, 2001));
            disk.discard(0, 16 << 20);
            large.bytes[2001 * TestStore.BLOCK] = 5;
            large.bytes[2000 * TestStore.BLOCK] = 5;
            var data = java.nio.ByteBuffer.allocateDirect(TestStore.BLOCK);
            disk.read(2001L * TestStore.BLOCK, data);
            disk.read(2000L * TestStore.BLOCK, data.clear());
            large.bytes[2001 * TestStore.BLOCK] = 6;
            assertThrows(IOException.class, () -> disk.read(2001L * TestStore.BLOCK, data.clear()));
        }
    }

    @Test
    void what_was_discarded_may_be_anything_and_its_neighbours_may_not() throws Exception {
        try (var disk = disk()) {
            TestStore.write(disk, 1, 1);
            TestStore.write(disk, 2, 2);
            disk.discard(2 * TestStore.BLOCK, TestStore.BLOCK);
            java.util.Arrays.fill(store.bytes, 2 * TestStore.BLOCK, 3 * TestStore.BLOCK, (byte) 3);
            assertEquals(3, TestStore.read(disk, 2));
            spoil(2);
            isWrong(disk, 2);
            spoil(1);
            isWrong(disk, 1);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"WRITE_ZEROES", "DISCARD"})
    void what_overlaps_may_leave_anything(Kind kind) throws Exception {
        try (var disk = disk()) {
            store.hanging.add(kind);
            var whole = new TestRequest(kind, 0, 256).submitTo(disk);
            store.awaitKept(1);
            TestStore.write(disk, 7, 7);
            // Seen before the end, and not to be kept for what is there after it
            assertEquals(0, TestStore.read(disk, 8));
            store.release();
            assertNull(whole.await());
            spoil(7);
            var data = java.nio.ByteBuffer.allocateDirect(TestStore.BLOCK);
            disk.read(7 * TestStore.BLOCK, data);
            spoil(7);
            isWrong(disk, 7);
        }
    }

    @Test
    void a_read_that_began_before_is_not_compared() throws Exception {
        try (var disk = disk()) {
            store.hanging.add(Kind.READ);
            var read = new TestRequest(Kind.READ, 0, 1).submitTo(disk);
            store.awaitKept(1);
            disk.writeZeroes(0, 256 * TestStore.BLOCK);
            store.bytes[0] = 1;
            store.release();
            assertNull(read.await());
            isWrong(disk, 0);
        }
    }

    @Test
    void zeroes_that_failed_may_have_been_written() throws Exception {
        try (var disk = disk()) {
            TestStore.write(disk, 0, 1);
            store.failing.add(Kind.WRITE_ZEROES);
            assertEquals(Failure.IO, new TestRequest(Kind.WRITE_ZEROES, 0, 256).submitTo(disk).await());
            store.failing.clear();
            java.util.Arrays.fill(store.bytes, 0, TestStore.BLOCK, (byte) 3);
            assertEquals(3, TestStore.read(disk, 0));
            java.util.Arrays.fill(store.bytes, TestStore.BLOCK, 2 * TestStore.BLOCK, (byte) 3);
            assertEquals(3, TestStore.read(disk, 1));
        }
    }

    @Test
    void zeroes_and_a_discard_at_once_may_leave_anything() throws Exception {
        try (var disk = disk()) {
            store.hanging.add(Kind.WRITE_ZEROES);
            var zeroes = new TestRequest(Kind.WRITE_ZEROES, 0, 256).submitTo(disk);
            store.awaitKept(1);
            disk.discard(0, 8 * TestStore.BLOCK);
            store.release();
            assertNull(zeroes.await());
            java.util.Arrays.fill(store.bytes, 0, TestStore.BLOCK, (byte) 3);
            assertEquals(3, TestStore.read(disk, 0));
        }
    }

    /** Writes two blocks for the second of which there is no memory, and tells whether the first one is still checked. */
    static final class Full {
        public static void main(String[] arguments) throws Exception {
            // The table of all before is 20 MB, and grows to twice that
            long edge = 5_000_000L * 1024 * 4096;
            var geometry = new Geometry(0, (edge + 1) * TestStore.BLOCK, TestStore.BLOCK, 1 << 17, false);
            var disk = new FilteredBackend(new Endless(), List.of(TestStore.filter("check", Map.of("fail", true))), geometry,
                    OutputStream.nullOutputStream());
            System.out.println(new TestRequest(Kind.WRITE, edge - 1, 2).submitTo(disk).await());
            for (byte content = 0; content < 2; content++) {
                var read = new TestRequest(Kind.READ, edge - 1, 1);
                read.data().put(0, content);
                System.out.println(read.submitTo(disk).await());
            }
        }
    }

    /** Writes one block of each of more chunks than there is memory for, and then reads something else. */
    static final class Many {
        public static void main(String[] arguments) throws Exception {
            long last = 5000;
            var geometry = new Geometry(0, (last + 1) * 1024 * TestStore.BLOCK, TestStore.BLOCK, 1 << 17, false);
            var disk = new FilteredBackend(new Endless(), List.of(TestStore.filter("check", Map.of("fail", true))), geometry,
                    OutputStream.nullOutputStream());
            disk.tellProblemsTo(System.out::println);
            for (long chunk = 0; chunk <= last; chunk++) {
                if (new TestRequest(Kind.WRITE, chunk * 1024, 1).submitTo(disk).await() != null) {
                    System.out.println("failed: " + chunk);
                }
            }
            // Also the end of a range of zeroes is not known there
            System.out.println(new TestRequest(Kind.WRITE_ZEROES, 1023, (last - 1) * 1024 + 2).submitTo(disk).await());
            for (long chunk : new long[] {0, 1, last}) {
                var read = new TestRequest(Kind.READ, chunk * 1024, 1);
                read.data().put(0, (byte) 1);
                System.out.println(read.submitTo(disk).await());
            }
            disk.close();
        }
    }

    private static void prints(String output, Class<?> program, String heap) throws Exception {
        Process java = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin/java").toString(), heap, "-XX:+UseSerialGC",
                "-cp", System.getProperty("java.class.path"), program.getName()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        assertEquals(output, new String(java.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertEquals(0, java.waitFor());
    }

    @Test
    void blocks_for_which_there_is_no_memory_pass_unchecked_and_that_is_told() throws Exception {
        prints("""
                check: there is no memory for the checksums of more blocks, which pass unchecked; give the server a larger heap, as with \
                ABUSECTL_JAVA_OPTS=-Xmx512m
                null
                IO
                IO
                null
                """, Many.class, "-Xmx32m");
    }

    @Test
    void blocks_for_which_there_is_no_memory_leave_others_checked() throws Exception {
        prints("null\nnull\nIO\n", Full.class, "-Xmx56m");
    }
}
