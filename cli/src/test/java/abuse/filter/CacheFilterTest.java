// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import abuse.backend.AsyncRequest.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The filter cache. */
@Timeout(300)
class CacheFilterTest {
    /** As many blocks as the longest request has, and the fewest that are kept. */
    private static final int PLACES = (1 << 17) / TestStore.BLOCK;

    private final TestStore store = new TestStore();

    private FilteredBackend disk(Map<String, Object> settings) throws Exception {
        return store.behind(TestStore.filter("cache", settings));
    }

    private void set(int block, int value) {
        Arrays.fill(store.bytes, block * TestStore.BLOCK, (block + 1) * TestStore.BLOCK, (byte) value);
    }

    @Test
    void what_was_read_or_written_is_kept() throws Exception {
        try (var disk = disk(Map.of())) {
            set(1, 1);
            assertEquals(1, TestStore.read(disk, 1));
            TestStore.write(disk, 2, 2);
            set(1, 9);
            set(2, 9);
            set(3, 9);
            assertEquals(1, TestStore.read(disk, 1));
            assertEquals(2, TestStore.read(disk, 2));
            assertEquals(9, TestStore.read(disk, 3));
            TestStore.write(disk, 1, 4);
            set(1, 9);
            assertEquals(4, TestStore.read(disk, 1));
        }
    }

    @Test
    void a_read_of_which_a_part_is_kept_goes_on() throws Exception {
        try (var disk = disk(Map.of())) {
            TestStore.write(disk, 1, 1);
            set(1, 2);
            set(2, 2);
            var both = new TestRequest(Kind.READ, 1, 2).submitTo(disk);
            assertNull(both.await());
            assertEquals(2, both.data().get(0));
            assertEquals(2, TestStore.read(disk, 1));
        }
    }

    @Test
    void what_is_not_picked_is_not_kept_and_changes_are_known_all_the_same() throws Exception {
        try (var disk = disk(Map.of("op", Set.of("read")))) {
            TestStore.write(disk, 1, 1);
            assertEquals(1, TestStore.read(disk, 1));
            TestStore.write(disk, 1, 2);
            set(1, 3);
            assertEquals(3, TestStore.read(disk, 1));
        }
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = {"WRITE", "DISCARD", "WRITE_ZEROES"})
    void after_a_change_that_failed_the_storage_is_asked(Kind kind) throws Exception {
        try (var disk = disk(Map.of())) {
            TestStore.write(disk, 1, 1);
            store.failing.add(kind);
            assertNotNull(new TestRequest(kind, 1, 1).submitTo(disk).await());
            set(1, 2);
            assertEquals(2, TestStore.read(disk, 1));
        }
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = {"DISCARD", "WRITE_ZEROES"})
    void a_change_of_more_blocks_than_are_kept_is_known(Kind kind) throws Exception {
        try (var disk = disk(Map.of("memory", 1L))) {
            for (int i = 0; i < PLACES; i++) {
                TestStore.write(disk, i, 1);
            }
            assertNull(new TestRequest(kind, 0, 256).submitTo(disk).await());
            for (int i = 0; i < PLACES; i++) {
                assertEquals(0, TestStore.read(disk, i));
            }
        }
    }

    @Test
    void blocks_that_share_a_place_drive_each_other_out() throws Exception {
        try (var disk = disk(Map.of("memory", 1L))) {
            TestStore.write(disk, 3, 1);
            TestStore.write(disk, 3 + PLACES, 2);
            set(3, 8);
            set(3 + PLACES, 9);
            assertEquals(2, TestStore.read(disk, 3 + PLACES));
            assertEquals(8, TestStore.read(disk, 3));
            assertEquals(9, TestStore.read(disk, 3 + PLACES));
        }
    }

    @Test
    void a_read_that_a_change_overtakes_is_not_kept() throws Exception {
        try (var disk = disk(Map.of())) {
            store.hanging.add(Kind.READ);
            var read = new TestRequest(Kind.READ, 1, 1).submitTo(disk);
            store.awaitKept(1);
            TestStore.write(disk, 1, 1);
            set(1, 7);
            store.release();
            assertNull(read.await());
            assertEquals(7, read.data().get(0));
            // The write is
            assertEquals(1, TestStore.read(disk, 1));
        }
    }

    @Test
    void a_read_during_a_change_goes_on_and_is_not_kept() throws Exception {
        try (var disk = disk(Map.of())) {
            TestStore.write(disk, 1, 1);
            store.hanging.add(Kind.WRITE_ZEROES);
            var zeroes = new TestRequest(Kind.WRITE_ZEROES, 0, 4).submitTo(disk);
            store.awaitKept(1);
            set(1, 2);
            assertEquals(2, TestStore.read(disk, 1));
            store.release();
            assertNull(zeroes.await());
            assertEquals(0, TestStore.read(disk, 1));
        }
    }

    @Test
    void after_writes_that_overlap_the_storage_is_asked() throws Exception {
        try (var disk = disk(Map.of())) {
            store.hanging.add(Kind.WRITE);
            var one = new TestRequest(Kind.WRITE, 1, 1).submitTo(disk);
            var two = new TestRequest(Kind.WRITE, 1, 2).submitTo(disk);
            store.awaitKept(2);
            store.release();
            assertNull(one.await());
            assertNull(two.await());
            set(1, 5);
            set(2, 5);
            assertEquals(5, TestStore.read(disk, 1));
            // That was of one write alone
            assertEquals(0, TestStore.read(disk, 2));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"corrupt", "cow", "powerfail"})
    void what_it_would_hide_does_not_come_behind_it(String name) throws Exception {
        var cache = TestStore.filter("cache", Map.of());
        var other = TestStore.filter(name, Map.of());
        assertThrows(IOException.class, () -> store.behind(cache, other));
        store.behind(TestStore.filter(name, Map.of()), TestStore.filter("cache", Map.of())).close();
    }

    @Test
    void one_that_acts_on_no_read_is_refused() {
        assertThrows(IllegalArgumentException.class, () -> TestStore.filter("cache", Map.of("op", Set.of("write"))));
    }

    /** Each thread has blocks of its own, which share their places with those of all others. */
    @Test
    void many_threads_read_what_they_have_written() throws Exception {
        var disk = disk(Map.of("memory", 1L));
        var threads = Executors.newFixedThreadPool(4);
        var results = new ArrayList<Future<?>>();
        for (int i = 0; i < 4; i++) {
            int mine = i;
            results.add(threads.submit(() -> {
                var random = new Random(mine);
                int[] values = new int[64];
                for (int n = 0; n < 5000; n++) {
                    int at = random.nextInt(values.length);
                    int block = 4 * at + mine;
                    switch (random.nextInt(8)) {
                        case 0, 1 -> {
                            values[at] = random.nextInt(1, 100);
                            TestStore.write(disk, block, values[at]);
                        }
                        case 2 -> {
                            values[at] = 0;
                            disk.writeZeroes((long) block * TestStore.BLOCK, TestStore.BLOCK);
                        }
                        default -> assertEquals(values[at], TestStore.read(disk, block));
                    }
                }
                return null;
            }));
        }
        for (Future<?> result : results) {
            result.get();
        }
        threads.shutdown();
        disk.close();
        assertEquals(List.of(), store.kept);
    }
}
