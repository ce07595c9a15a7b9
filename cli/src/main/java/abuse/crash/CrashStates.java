// SPDX-License-Identifier: Apache-2.0
package abuse.crash;

import abuse.writelog.LogEntry;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/**
 * Walks the states that a power cut can leave, in the order of the log. What stands before a flush is there, and so is a
 * write with FUA from its place on; of all else behind the last flush any part may be there. Between two flushes there is
 * a step at each write with FUA, and each step has all its states if there are not too many, else some: all writes,
 * none, each one missing, each one alone, and others by chance. In some more states one write is torn.
 */
public final class CrashStates implements Iterator<CrashState> {
    /** The states up to an entry; the next one, which has FUA, may be on its way. */
    private record Step(int from, int cut, int next) {}

    private final List<LogEntry> log;
    private final int sectorSize;
    private final int most;
    private final long seed;
    private final Deque<Step> steps = new ArrayDeque<>();
    private final Deque<CrashState> ready = new ArrayDeque<>();

    /**
     * Begins with the state before everything.
     *
     * @param most how many states each step has, from 1, and again with a write that is torn
     * @param seed for those that are found by chance
     */
    public CrashStates(List<LogEntry> log, int sectorSize, int most, long seed) {
        this.log = log;
        this.sectorSize = sectorSize;
        this.most = most;
        this.seed = seed;
        int from = 0;
        for (LogEntry entry : log) {
            int number = entry.number();
            if (entry.isFlush()) {
                add(from, number - 1, -1);
                from = number;
            }
            if (entry.isFua()) {
                add(from, number - 1, number);
            }
        }
        add(from, log.size() - 1, -1);
    }

    private void add(int from, int cut, int next) {
        boolean something = false;
        for (int i = from; i <= cut && !something; i++) {
            something = log.get(i).length() > 0;
        }
        // Else it is where the step before has ended
        if (something || next >= 0) {
            steps.add(new Step(from, cut, next));
        }
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

    /** Leaves out those before the first one that is meant; then there may be none. */
    public void skipUntil(Predicate<CrashState> meant) {
        while (hasNext() && !meant.test(ready.element())) {
            ready.remove();
        }
    }

    private void fill(Step step) {
        var loose = new ArrayList<Integer>();
        boolean fixed = step.from == 0;
        for (LogEntry entry : log.subList(step.from, step.cut + 1)) {
            if (CrashState.mayBeLost(entry)) {
                loose.add(entry.number());
            } else {
                fixed |= entry.length() > 0;
            }
        }
        var chance = new Random(seed * 31 + step.cut);
        for (BitSet lost : losses(loose, chance)) {
            // With nothing behind the flush it is the last state before that
            if (step.cut >= step.from && (fixed || lost.cardinality() < loose.size())) {
                ready.add(new CrashState(step.from, step.cut, lost));
            }
        }
        tear(step, loose, chance);
    }

    private Set<BitSet> losses(List<Integer> loose, Random chance) {
        var losses = new LinkedHashSet<BitSet>();
        int n = loose.size();
        if (n < 30 && 1 << n <= most) {
            for (long mask = 0; mask < 1 << n; mask++) {
                long bits = mask;
                losses.add(numbers(loose, i -> (bits >> i & 1) != 0));
            }
            return losses;
        }
        losses.add(new BitSet());
        losses.add(numbers(loose, i -> true));
        for (int k = 0; k < n && losses.size() < most; k++) {
            int one = k;
            losses.add(numbers(loose, i -> i == one));
        }
        for (int k = 0; k < n && losses.size() < most; k++) {
            int one = k;
            losses.add(numbers(loose, i -> i != one));
        }
        for (int tries = 0; losses.size() < most && tries < 16 * most; tries++) {
            losses.add(numbers(loose, i -> chance.nextBoolean()));
        }
        return losses;
    }

    private static BitSet numbers(List<Integer> loose, IntPredicate chosen) {
        var numbers = new BitSet();
        for (int i = 0; i < loose.size(); i++) {
            numbers.set(loose.get(i), chosen.test(i));
        }
        return numbers;
    }

    private void tear(Step step, List<Integer> loose, Random chance) {
        var candidates = new ArrayList<>(loose);
        if (step.next >= 0) {
            candidates.add(step.next);
        }
        candidates.removeIf(number -> log.get(number).isDiscard() || log.get(number).length() <= sectorSize);
        for (int k = 0; k < Math.min(most, candidates.size()); k++) {
            int number = candidates.get((int) ((long) k * candidates.size() / Math.min(most, candidates.size())));
            long sectors = log.get(number).length() / sectorSize;
            ready.add(new CrashState(step.from, Math.max(step.cut, number), new BitSet(), number, 1 + (long) (chance.nextDouble() * (sectors - 1))));
        }
    }
}
