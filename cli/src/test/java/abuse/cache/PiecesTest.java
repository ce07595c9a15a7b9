// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.libc.Memory;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The tables of a cache, which may be larger than the Java heap. */
class PiecesTest {
    /** Places of 4 KiB on 1 TiB. */
    private static final int MANY = 1 << 28;

    @Test
    void a_large_cache_takes_no_heap() {
        try (var pieces = new Pieces(MANY)) {
            assertEquals(MANY, pieces.free());
            int place = pieces.takeFor(1L << 40);
            pieces.put(place, 1L << 40);
            pieces.setMapped(place, true);
            assertEquals(place, pieces.find(1L << 40));
            assertEquals(1L << 40, pieces.pieceAt(place));
            assertEquals(-1, pieces.find(5));
            assertEquals(MANY - 1, pieces.ahead(MANY - 1));
        }
    }

    @Test
    void pieces_that_follow_each_other_do_so_in_the_cache() {
        try (var pieces = new Pieces(1000)) {
            for (long piece = 0; piece < 1000; piece++) {
                // In another order than that of the disk, and not at its beginning
                long number = 2500 + piece * 7 % 1000;
                pieces.put(pieces.takeFor(number), number);
            }
            for (long number = 2500; number < 3499; number++) {
                assertEquals((pieces.find(number) + 1) % 1000, pieces.find(number + 1));
            }
            assertEquals(-1, pieces.takeFor(0));
            int place = pieces.find(2777);
            pieces.remove(place);
            pieces.give(place);
            // The only place left is not where it would be
            assertEquals(place, pieces.takeFor(1));
        }
    }

    @Test
    void where_no_place_is_near_another_one_is_found() {
        int places = 20_010;
        try (var pieces = new Pieces(places)) {
            for (int n = 0; n < places; n++) {
                // All would like to be in the first place
                pieces.put(pieces.takeFor((long) n * places), (long) n * places);
            }
            assertEquals(0, pieces.free());
            for (int place : new int[] {5, 20_009, 12_345}) {
                pieces.remove(place);
                pieces.give(place);
            }
            var found = new TreeSet<Integer>();
            for (int n = 0; n < 3; n++) {
                found.add(pieces.takeFor(places));
            }
            assertEquals(Set.of(5, 12_345, 20_009), found);
            assertEquals(-1, pieces.takeFor(places));
        }
    }

    @Test
    void the_sum_of_a_large_table_can_be_told() {
        try (var large = Memory.map((2L << 30) + Label.SIZE); var same = Memory.map((2L << 30) + Label.SIZE)) {
            large.putLong(2L << 30, 1);
            assertTrue(Label.sum(large) != Label.sum(same));
        }
    }

    @Test
    void it_knows_what_a_map_knows() {
        var random = new Random(1);
        Map<Long, Integer> model = new HashMap<>();
        try (var pieces = new Pieces(100)) {
            pieces.load(place -> place % 3 == 0 ? place : -1);
            for (int place = 0; place < 100; place += 3) {
                model.put((long) place, place);
            }
            for (int i = 0; i < 100_000; i++) {
                long piece = random.nextInt(300);
                Integer place = model.get(piece);
                assertEquals(place == null ? -1 : place, pieces.find(piece));
                if (place != null) {
                    assertEquals(piece, pieces.pieceAt(place));
                    pieces.setMapped(place, random.nextBoolean());
                    if (random.nextBoolean()) {
                        pieces.remove(place);
                        assertFalse(pieces.isMapped(place));
                        pieces.give(place);
                        model.remove(piece);
                    }
                } else {
                    int taken = pieces.takeFor(piece);
                    assertEquals(model.size() == 100, taken < 0);
                    if (taken >= 0) {
                        assertEquals(-1, pieces.pieceAt(taken));
                        pieces.put(taken, piece);
                        model.put(piece, taken);
                    }
                }
                assertEquals(model.size(), pieces.held());
                assertEquals(100 - model.size(), pieces.free());
            }
            pieces.setNoneMapped();
            assertFalse(pieces.anyMapped());
            model.values().forEach(place -> assertFalse(pieces.isMapped(place)));
        }
    }
}
