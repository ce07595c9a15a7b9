// SPDX-License-Identifier: Apache-2.0
package abuse.crash;

import abuse.writelog.LogEntry;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * Walks the states that a power cut can leave, in the order of time. What stands before a flush that has ended is there, and so
 * is a write with FUA that has; of all else that has begun any part may be there. There is a step before each end of a flush
 * or of a write with FUA, as it takes states away, and before each mark, as a check may rely on it; and a last one. Each
 * step has all its states if there are not too many, else some: all writes, none, one missing, one alone, and others by
 * chance. In some of them one write is torn. What was a state of the step before is left out, and no two states
 * have the same name.
 */
public final class CrashWalk implements Iterator<CrashState> {
    /** Enough states that nobody wants to know how many more there are; a number that JSON has exactly. */
    public static final long MANY = 1L << 53;

    /**
     * A moment at which a step ends.
     *
     * @param entry what becomes durable then, or is a mark; null for several entries of one request, and at the end of the log
     */
    private record Change(long time, LogEntry entry, boolean flush) {}

    /**
     * What there can be just before a change.
     *
     * @param from the first entry that may be lost, behind the last flush that has ended; or the one behind the cut
     * @param cut the last entry with data or a mark that has ended; -1 for none
     * @param mark the last mark; -1 for none
     * @param underWay entries with data that have begun and not ended, but for that of the change
     * @param next the entry of the change if it has FUA, as it is under way, too, and is there in the next step; -1 if not
     */
    private record Step(int from, int cut, int mark, List<Integer> underWay, int next) {
        boolean hasBegun(int number) {
            return number <= cut || underWay.contains(number);
        }
    }

    private final List<LogEntry> log;
    private final int sectorSize;
    private final int most;
    private final long seed;
    private final Deque<Step> steps = new ArrayDeque<>();
    private final Deque<CrashState> ready = new ArrayDeque<>();
    /** Those of all states so far with the cut of the last one. */
    private final Set<String> names = new HashSet<>();
    private int lastCut = -1;
    /** The step before; null at first. */
    private Step before;
    /** What was there in its states, as numbers from its first entry. */
    private Set<BitSet> seen = Set.of();
    /** How many states the steps so far have, and how many of these were offered, none of them torn. */
    private long possible;
    private long offered;

    /**
     * Begins with the state before everything.
     *
     * @param most how many states each step has, from 1; up to a quarter of them are for writes that are torn, if there are any
     * @param seed for those that are found by chance
     */
    public CrashWalk(List<LogEntry> log, int sectorSize, int most, long seed) {
        this.log = log;
        this.sectorSize = sectorSize;
        this.most = most;
        this.seed = seed;
        makeSteps();
    }

    private void makeSteps() {
        List<LogEntry> ended = log.stream().filter(entry -> entry.length() > 0 || entry.mark() != null).toList();
        List<LogEntry> begun = log.stream().filter(entry -> entry.length() > 0).sorted(Comparator.comparingLong(LogEntry::begin)).toList();
        var underWay = new TreeSet<Integer>();
        int ends = 0;
        int begins = 0;
        int from = 0;
        int cut = -1;
        int mark = -1;
        // Before all writes, which shows whether the base is what it should be
        steps.add(new Step(0, -1, -1, List.of(), -1));
        for (Change change : changes()) {
            for (; begins < begun.size() && begun.get(begins).begin() < change.time; begins++) {
                underWay.add(begun.get(begins).number());
            }
            for (; ends < ended.size() && ended.get(ends).end() < change.time; ends++) {
                cut = ended.get(ends).number();
                mark = ended.get(ends).mark() != null ? cut : mark;
                underWay.remove(cut);
            }
            // What has FUA from there on is durable, too
            while (from <= cut && !CrashState.mayBeLost(log.get(from))) {
                from++;
            }
            int own = change.entry == null ? -1 : change.entry.number();
            steps.add(new Step(from, cut, mark, underWay.stream().filter(number -> number != own).toList(),
                    !change.flush && underWay.contains(own) ? own : -1));
            from = change.flush ? Math.max(from, own) : from;
        }
    }

    private List<Change> changes() {
        var changes = new ArrayList<Change>();
        LogEntry before = null;
        for (LogEntry entry : log) {
            if (entry.isFlush()) {
                changes.add(new Change(entry.end(), entry, true));
            }
            if (entry.isFua() && entry.isPieceAfter(before)) {
                // All of them become durable at once, but until then some may be there
                changes.set(changes.size() - 1, new Change(entry.end(), null, false));
            } else if (entry.isFua() && entry.length() > 0 || entry.mark() != null) {
                changes.add(new Change(entry.end(), entry, false));
            }
            before = entry;
        }
        changes.sort(Comparator.comparingLong(Change::time));
        changes.add(new Change(Long.MAX_VALUE, null, false));
        return changes;
    }

    @Override
    public boolean hasNext() {
        while (ready.isEmpty() && !steps.isEmpty()) {
            fill(steps.remove());
        }
        return !ready.isEmpty();
    }

    @Override
    public CrashState next() {
        hasNext();
        return ready.remove();
    }

    /** Leaves out those in which an entry has not ended that is a mark; none for -1. */
    public void beginAt(int mark) {
        steps.removeIf(step -> step.cut < mark);
    }

    /**
     * How many states there are besides those of the steps so far, as a step had too many, without those in which a write is torn;
     * {@link #MANY} if there are more. A state that was found in two steps by chance is missing in it.
     */
    public long leftOut() {
        return possible >= MANY ? MANY : Math.max(possible - offered, 0);
    }

    /** Leaves out those before the first one that is meant; then there may be none. */
    public void skipUntil(Predicate<CrashState> meant) {
        while (hasNext() && !meant.test(ready.element())) {
            ready.remove();
        }
    }

    private void fill(Step step) {
        var loose = new ArrayList<Integer>();
        BitSet ended = data(step.from, step.cut + 1);
        ended.stream().filter(number -> CrashState.mayBeLost(log.get(number))).forEach(loose::add);
        loose.addAll(step.underWay);
        var chance = new Random(seed * 31 + step.cut);
        var here = new HashSet<BitSet>();
        List<Integer> tearable = tearable(step, loose);
        Set<BitSet> losses = losses(loose, most - Math.min(most / 4, tearable.size()), chance);
        possible = Math.min(MANY, possible + fresh(step, loose));
        for (BitSet missing : losses) {
            var lost = (BitSet) missing.clone();
            lost.and(ended);
            var early = new BitSet();
            step.underWay.forEach(number -> early.set(number, !missing.get(number)));
            var there = (BitSet) ended.clone();
            there.andNot(lost);
            there.or(early);
            here.add(from(step.from, there));
            if (!isSeen(step, there)) {
                offered += offer(new CrashState(step.from, step.cut, lost, early, -1, 0)) ? 1 : 0;
            }
        }
        before = step;
        seen = here;
        tear(step, tearable, Math.min(most - losses.size(), tearable.size()), chance);
    }

    /** Several steps may have the same cut, and by chance the same state. */
    private boolean offer(CrashState state) {
        if (state.cut() != lastCut) {
            names.clear();
            lastCut = state.cut();
        }
        return names.add(state.name(log)) && ready.add(state);
    }

    /** How many states a step can have that the one before, with the same mark, cannot; MANY if they are more. */
    private long fresh(Step step, List<Integer> loose) {
        if (before == null || before.mark != step.mark) {
            return power(loose.size());
        }
        // What is there in all states of this one must have begun in the one before
        BitSet sure = data(before.from, step.cut + 1);
        loose.forEach(sure::clear);
        int old = (int) loose.stream().filter(before::hasBegun).count();
        return !sure.stream().allMatch(before::hasBegun) ? power(loose.size()) : old == loose.size() ? 0
                : power(loose.size()) - (power(loose.size()) == MANY ? 0 : power(old));
    }

    /** 2 to some power, but MANY if it is more. */
    private static long power(int exponent) {
        return exponent < Long.numberOfTrailingZeros(MANY) ? 1L << exponent : MANY;
    }

    /** Whether a state of the step before, with the same mark, has the same content. */
    private boolean isSeen(Step step, BitSet there) {
        if (before == null || before.mark != step.mark) {
            return false;
        }
        BitSet all = data(before.from, step.from);
        all.or(there);
        return seen.contains(from(before.from, all));
    }

    /** The entries with data from one to before another one. */
    private BitSet data(int from, int to) {
        var numbers = new BitSet();
        for (int i = from; i < to; i++) {
            numbers.set(i, log.get(i).length() > 0);
        }
        return numbers;
    }

    /** Numbers as they are if another one is 0. */
    private static BitSet from(int first, BitSet numbers) {
        return numbers.get(first, Math.max(first, numbers.length()));
    }

    private Set<BitSet> losses(List<Integer> loose, int bound, Random chance) {
        var losses = new LinkedHashSet<BitSet>();
        int n = loose.size();
        if (n < 30 && 1 << n <= bound) {
            for (long mask = 0; mask < 1 << n; mask++) {
                long bits = mask;
                losses.add(numbers(loose, i -> (bits >> i & 1) != 0));
            }
            return losses;
        }
        losses.add(new BitSet());
        if (bound > 1) {
            losses.add(numbers(loose, i -> true));
        }
        // Not all of them, so that writes are lost together as well
        some(n, (bound - losses.size() + 1) / 2, chance).forEach(one -> losses.add(numbers(loose, i -> i == one)));
        some(n, (bound - losses.size() + 1) / 2, chance).forEach(one -> losses.add(numbers(loose, i -> i != one)));
        for (int tries = 0; losses.size() < bound && tries < 16 * bound; tries++) {
            losses.add(numbers(loose, i -> chance.nextBoolean()));
        }
        return losses;
    }

    /** So many of the numbers from 0 to before n, evenly spread from one on that is found by chance; or all of them. */
    private static IntStream some(int n, int count, Random chance) {
        if (count >= n) {
            return IntStream.range(0, n);
        }
        int first = chance.nextInt(n);
        return IntStream.range(0, count).map(k -> (int) ((first + (long) k * n / count) % n));
    }

    private static BitSet numbers(List<Integer> loose, IntPredicate chosen) {
        var numbers = new BitSet();
        for (int i = 0; i < loose.size(); i++) {
            numbers.set(loose.get(i), chosen.test(i));
        }
        return numbers;
    }

    /** The writes of more than one sector that are under way, or may be lost. */
    private List<Integer> tearable(Step step, List<Integer> loose) {
        var tearable = new ArrayList<>(loose);
        if (step.next >= 0) {
            tearable.add(step.next);
        }
        tearable.removeIf(number -> log.get(number).isDiscard() || log.get(number).length() <= sectorSize);
        return tearable;
    }

    private void tear(Step step, List<Integer> tearable, int count, Random chance) {
        for (int k = 0; k < count; k++) {
            int number = tearable.get((int) ((long) k * tearable.size() / count));
            long sectors = log.get(number).length() / sectorSize;
            var early = new BitSet();
            early.set(number, number > step.cut);
            offer(new CrashState(step.from, step.cut, new BitSet(), early, number, 1 + (long) (chance.nextDouble() * (sectors - 1))));
        }
    }
}
