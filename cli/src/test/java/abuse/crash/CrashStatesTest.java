// SPDX-License-Identifier: Apache-2.0
package abuse.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.writelog.LogEntry;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The states of a record, compared with all that any moment allows by the rule itself. */
class CrashStatesTest {
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
                    add(SECTOR, write[1], null, write[0], ++now);
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
            new CrashStates(log, SECTOR, 1 << 12, 1).forEachRemaining(state -> {
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
    void a_name_has_the_numbers_of_what_is_not_as_usual() {
        var log = new ArrayList<LogEntry>();
        for (int i = 0; i < 400; i++) {
            log.add(new LogEntry(i, 0, 0, SECTOR, 0, null, 0, 2 * i + 1, 2 * i + 2));
        }
        assertEquals("299-1^301,303~302:5", new CrashState(0, 299, numbers(1), numbers(301, 302, 303), 302, 5).name(log));
        assertEquals("start^399", new CrashState(0, -1, new BitSet(), numbers(399), -1, 0).name(log));
        BitSet most = numbers(IntStream.range(0, 298).filter(i -> i != 7).toArray());
        assertEquals("299+7,299~298:1", new CrashState(0, 299, most, new BitSet(), 298, 1).name(log));
    }

    private static BitSet numbers(int... numbers) {
        var set = new BitSet();
        for (int number : numbers) {
            set.set(number);
        }
        return set;
    }
}
