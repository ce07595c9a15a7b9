// SPDX-License-Identifier: Apache-2.0
package abuse.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.writelog.LogEntry;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The states of a record, compared with all that any moment allows by the rule itself. */
class CrashWalkTest {
    private static final int FLUSH = 1;
    private static final int FUA = 2;
    private static final int NOTHING = 16;
    private static final int SECTOR = 512;

    /** Requests that begin and end in an order by chance, with at most so many writes. */
    private static final class History {
        private final Random chance;
        private final List<LogEntry> log = new ArrayList<>();
        private final List<long[]> writes = new ArrayList<>();
        private final List<Integer> flushes = new ArrayList<>();
        private long now;

        History(long seed, int most) {
            chance = new Random(seed);
            for (int begun = 0; begun < most || !writes.isEmpty();) {
                int what = chance.nextInt(10);
                if (what < 3 && begun < most) {
                    begun++;
                    writes.add(new long[] {++now, chance.nextInt(4) == 0 ? FUA : 0});
                } else if (what < 7 && !writes.isEmpty()) {
                    long[] write = writes.remove(chance.nextInt(writes.size()));
                    now++;
                    // Long zeroes come in pieces
                    for (int pieces = chance.nextInt(4) == 0 ? 2 : 1; pieces > 0; pieces--) {
                        add(SECTOR, write[1], null, write[0], now);
                    }
                } else if (what == 7) {
                    flushes.add(log.size());
                    add(0, NOTHING, null, ++now, 0);
                } else if (what == 8 && !flushes.isEmpty()) {
                    int place = flushes.remove(chance.nextInt(flushes.size()));
                    LogEntry flush = log.get(place);
                    log.set(place, new LogEntry(place, 0, 0, 0, FLUSH, null, 0, flush.begin(), ++now));
                } else if (what == 9) {
                    now++;
                    add(0, 8, "m" + now, now, now);
                }
            }
        }

        private void add(long length, long flags, String mark, long begin, long end) {
            log.add(new LogEntry(log.size(), 0, 0, length, flags, mark, 0, begin, end));
        }

        /** All that can be there at some moment, and the last mark before it. */
        Set<String> allowed() {
            var all = new TreeSet<String>();
            for (long moment = 0; moment <= now; moment++) {
                var sure = new BitSet();
                var loose = new ArrayList<Integer>();
                String mark = null;
                int durable = 0;
                for (LogEntry entry : log) {
                    boolean ended = entry.end() <= moment;
                    durable = entry.isFlush() && ended ? entry.number() : durable;
                    mark = entry.mark() != null && ended ? entry.mark() : mark;
                }
                for (LogEntry entry : log) {
                    if (entry.length() > 0 && entry.begin() <= moment) {
                        if (entry.number() < durable || entry.isFua() && entry.end() <= moment) {
                            sure.set(entry.number());
                        } else {
                            loose.add(entry.number());
                        }
                    }
                }
                for (int some = 0; some < 1 << loose.size(); some++) {
                    var there = (BitSet) sure.clone();
                    for (int i = 0; i < loose.size(); i++) {
                        there.set(loose.get(i), (some >> i & 1) != 0);
                    }
                    all.add(there + " " + mark);
                }
            }
            return all;
        }

        Set<String> walked() {
            var walked = new TreeSet<String>();
            new CrashWalk(log, SECTOR, 1 << 16, 1).forEachRemaining(state -> {
                var there = new BitSet();
                log.subList(0, state.from()).forEach(entry -> there.set(entry.number(), entry.length() > 0));
                state.there().forEach(number -> there.set(number, log.get(number).length() > 0));
                walked.add(there + " " + state.mark(log));
            });
            return walked;
        }
    }

    @Test
    void each_state_that_any_moment_allows_is_there_and_no_other() {
        for (int seed = 0; seed < 2000; seed++) {
            var history = new History(seed, 2 + seed % 7);
            assertEquals(history.allowed(), history.walked(), "seed " + seed + ": " + history.log);
        }
    }

    @Test
    void no_two_states_have_the_same_name_and_no_step_has_more_states_than_it_may() {
        for (int seed = 0; seed < 2000; seed++) {
            var history = new History(seed, 2 + seed % 30);
            // As many as there are steps: each flush, FUA and mark, and the end; and the beginning, with one state
            long steps = 1 + history.log.stream().filter(entry -> entry.isFlush() || entry.isFua() || entry.mark() != null).count();
            int most = 1 + seed % 9;
            var states = new ArrayList<CrashState>();
            var names = new TreeSet<String>();
            new CrashWalk(longer(history.log), SECTOR, most, seed).forEachRemaining(state -> {
                states.add(state);
                names.add(state.name(history.log));
            });
            assertEquals(states.size(), names.size(), () -> "seed of " + states.stream().map(state -> state.name(history.log)).toList());
            assertTrue(states.size() <= most * steps + 1, most + " times " + steps + ": " + names);
        }
    }

    @Test
    void what_is_left_out_is_counted() {
        for (int seed = 0; seed < 2000; seed++) {
            List<LogEntry> log = new History(seed, 2 + seed % 9).log;
            var all = new CrashWalk(log, SECTOR, 1 << 16, 1);
            long number = count(all);
            assertEquals(0, all.leftOut(), "seed " + seed);
            var some = new CrashWalk(log, SECTOR, 1 + seed % 5, 1);
            assertEquals(number, count(some) + some.leftOut(), "seed " + seed + ": " + log);
        }
    }

    private static long count(CrashWalk walk) {
        long number = 0;
        for (; walk.hasNext(); walk.next()) {
            number++;
        }
        return number;
    }

    @Test
    void more_than_can_be_counted_is_many() {
        for (int writes : new int[] {12, 51, 52, 60, 2000}) {
            var log = new ArrayList<LogEntry>();
            for (int i = 0; i < writes; i++) {
                log.add(new LogEntry(i, 0, 0, SECTOR, 0, null, 0, 2 * i + 1, 2 * i + 2));
            }
            log.add(new LogEntry(writes, 0, 0, 0, 8, "m", 0, 2 * writes + 1, 2 * writes + 1));
            var walk = new CrashWalk(log, SECTOR, 64, 1);
            long number = count(walk);
            assertEquals(writes > 51 ? CrashWalk.MANY : (1L << writes + 1) - number, walk.leftOut(), writes + " writes");
        }
    }

    /** The states of a step of 50 writes that have not room for all in which one is missing. */
    private static Set<String> some(long seed) {
        var log = new ArrayList<LogEntry>();
        for (int i = 0; i < 50; i++) {
            log.add(new LogEntry(i, 0, 0, SECTOR, 0, null, 0, 2 * i + 1, 2 * i + 2));
        }
        var names = new HashSet<String>();
        new CrashWalk(log, SECTOR, 64, seed).forEachRemaining(state -> names.add(state.name(log)));
        return names;
    }

    @Test
    void of_many_writes_each_may_be_missing_or_alone_and_others_are_lost_by_chance() {
        var all = new HashSet<String>();
        for (int seed = 0; seed < 40; seed++) {
            Set<String> names = some(seed);
            assertEquals(64, names.size());
            assertTrue(names.stream().filter(name -> name.matches("49-[0-9]+")).count() >= 20, names.toString());
            assertTrue(names.stream().filter(name -> !name.matches("49(-([0-9]+|0\\.\\.(\\+[0-9]+)?))?|start")).count() >= 12, names.toString());
            assertTrue(names.stream().anyMatch(name -> name.matches("49-[0-9]") || name.matches("49-4[0-9]")), names.toString());
            all.addAll(names);
        }
        for (int i = 0; i < 50; i++) {
            assertTrue(all.contains("49-" + i), "without " + i);
        }
        assertFalse(some(1).equals(some(2)));
    }

    @Test
    void what_has_not_reached_a_mark_is_left_out_and_not_counted() {
        List<LogEntry> log = List.of(new LogEntry(0, 0, 0, SECTOR, 0, null, 0, 1, 2), new LogEntry(1, 0, 0, 0, 8, "m", 0, 3, 3),
                new LogEntry(2, 0, 0, SECTOR, 0, null, 0, 4, 5));
        var walk = new CrashWalk(log, SECTOR, 1, 1);
        walk.beginAt(1);
        assertEquals("2", walk.next().name(log));
        assertEquals(0, count(walk));
        assertEquals(3, walk.leftOut());
    }

    /** The same writes with more than one sector, so that they can be torn. */
    private static List<LogEntry> longer(List<LogEntry> log) {
        return log.stream().map(entry -> new LogEntry(entry.number(), 0, 0, 3 * entry.length(), entry.flags(), entry.mark(), 0, entry.begin(), entry.end())).toList();
    }

    @Test
    void each_step_has_one_state_if_no_more_are_wanted() {
        var log = new ArrayList<LogEntry>();
        for (int i = 0; i < 6; i++) {
            log.add(new LogEntry(i, 0, 0, i == 3 ? 0 : 2 * SECTOR, i == 3 ? FLUSH : 0, null, 0, 2 * i + 1, 2 * i + 2));
        }
        var names = new ArrayList<String>();
        new CrashWalk(log, SECTOR, 1, 1).forEachRemaining(state -> names.add(state.name(log)));
        assertEquals(List.of("start", "2", "5"), names);
    }

    @Test
    void zeroes_in_pieces_are_durable_at_once() {
        var log = List.of(new LogEntry(0, 0, 0, SECTOR, FUA, null, 0, 1, 2), new LogEntry(1, 0, 0, SECTOR, FUA, null, 0, 1, 2));
        var names = new ArrayList<String>();
        new CrashWalk(log, SECTOR, 64, 1).forEachRemaining(state -> names.add(state.name(log)));
        assertEquals(List.of("start", "start^0,1", "start^1", "start^0"), names);
    }

    @Test
    void a_name_has_the_numbers_of_what_is_not_as_usual() {
        var log = new ArrayList<LogEntry>();
        for (int i = 0; i < 400; i++) {
            log.add(new LogEntry(i, 0, 0, SECTOR, 0, null, 0, 2 * i + 1, 2 * i + 2));
        }
        assertEquals("299-1^301,303~302:5", new CrashState(0, 299, numbers(1), numbers(301, 302, 303), 302, 5).name(log));
        assertEquals("start^399", new CrashState(0, -1, new BitSet(), numbers(399), -1, 0).name(log));
        BitSet most = numbers(IntStream.range(0, 298).filter(i -> i != 7).toArray());
        assertEquals("299-0..+7,299~298:1", new CrashState(0, 299, most, new BitSet(), 298, 1).name(log));
    }

    private static BitSet numbers(int... numbers) {
        var set = new BitSet();
        for (int number : numbers) {
            set.set(number);
        }
        return set;
    }
}
