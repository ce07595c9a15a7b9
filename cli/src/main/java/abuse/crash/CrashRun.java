// SPDX-License-Identifier: Apache-2.0
package abuse.crash;

import abuse.libc.Threads;
import abuse.writelog.LogEntry;
import abuse.writelog.Storage;
import abuse.writelog.WriteLog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Checks states in several threads, each of which has a copy of the disk. */
public final class CrashRun {
    /** What becomes of a state. */
    public interface Check {
        /**
         * Looks at a disk, and may write to it; any thread, several at once.
         *
         * @param image the file that is the disk
         * @return null if all is well
         * @throws IOException when it cannot be told
         */
        Verdict check(CrashState state, Path image) throws IOException;
    }

    /**
     * What a check says about a state that is bad.
     *
     * @param hung whether it did not come to an end
     */
    public record Verdict(int exitStatus, boolean hung, String output) {}

    /**
     * A state that is bad.
     *
     * @param number how many states came before
     * @param smallest the same without the last writes that do not matter, and with what need not be lost
     */
    public record Failure(long number, CrashState state, Verdict verdict, CrashState smallest) {
        /** What there is to say about the state in lines, without what it does not have; what is in it may be of any kind. */
        public List<String> lines(List<LogEntry> log) {
            var words = new LinkedHashMap<String, String>();
            words.put("state", state.name(log));
            words.put("last", state.cut() < 0 ? "" : Integer.toString(state.cut()));
            words.put("lost", CrashState.words(state.lost()));
            words.put("early", CrashState.words(state.early()));
            words.put("torn", state.torn() < 0 ? "" : Integer.toString(state.torn()));
            words.put("mark", state.mark(log) == null ? "" : state.mark(log));
            words.put("smallest", smallest.name(log));
            return words.entrySet().stream().filter(one -> !one.getValue().isEmpty()).map(one -> one.getKey() + ": " + one.getValue()).toList();
        }
    }

    private final WriteLog log;
    private final Iterator<CrashState> states;
    private final Check check;
    private final int first;
    private final boolean keepGoing;
    private final SortedMap<Long, Failure> failures = new TreeMap<>();
    private long taken;
    private long done;
    private Throwable trouble;
    private volatile boolean stopped;
    /** Those that are being checked. */
    private final SortedMap<Long, CrashState> underWay = new TreeMap<>();

    /**
     * Checks nothing yet.
     *
     * @param first the entry that has ended in all states that are checked, so that it has in a smaller one, too; -1 for none
     * @param keepGoing whether states are checked behind one that is bad
     */
    public CrashRun(WriteLog log, Iterator<CrashState> states, int first, Check check, boolean keepGoing) {
        this.log = log;
        this.first = first;
        this.states = states;
        this.check = check;
        this.keepGoing = keepGoing;
    }

    /**
     * Checks all states, and returns when that is done, or stopped.
     *
     * @param folder where the copies are meanwhile
     * @throws IOException when it cannot go on; what was found before is there all the same
     */
    public void run(Storage base, Path folder, int workers) throws IOException {
        var threads = new ArrayList<Thread>();
        for (int i = 0; i < workers; i++) {
            int number = i;
            var thread = new Thread(() -> work(base, folder, number), "crashes" + i);
            thread.start();
            threads.add(thread);
        }
        Threads.join(threads, this::stop);
        throwTrouble();
    }

    /** The same in the calling thread. */
    public void run(Storage base, Path folder) throws IOException {
        work(base, folder, 0);
        throwTrouble();
    }

    private synchronized void throwTrouble() throws IOException {
        if (trouble != null) {
            throw trouble instanceof IOException e ? e : new IOException(trouble.toString(), trouble);
        }
    }

    /** The bad states that were found, in their order; the first one only, unless it keeps going. */
    public synchronized List<Failure> failures() {
        return failures.values().stream().limit(keepGoing ? Long.MAX_VALUE : 1).toList();
    }

    /** Begins with no state any more. */
    public void stop() {
        stopped = true;
    }

    /** Whether it was told to stop. */
    public boolean isStopped() {
        return stopped;
    }

    /** How many states were checked. */
    public synchronized long done() {
        return done;
    }

    /** The first state that was not checked; null if there is none. */
    public synchronized CrashState next() {
        return !underWay.isEmpty() ? underWay.get(underWay.firstKey()) : states.hasNext() ? states.next() : null;
    }

    /** Makes a file that is a state; it must not be there yet. */
    public void keep(CrashState state, Storage base, Path file) throws IOException {
        WorkingCopy.keep(state, log, base, file);
    }

    private record Job(long number, CrashState state) {}

    private synchronized Job take() {
        if (stopped || trouble != null || !keepGoing && !failures.isEmpty() || !states.hasNext()) {
            return null;
        }
        var job = new Job(taken++, states.next());
        underWay.put(job.number, job.state);
        return job;
    }

    private void work(Storage base, Path folder, int number) {
        try (var copy = new WorkingCopy(log, base, folder, number)) {
            for (Job job = take(); job != null; job = take()) {
                Verdict verdict = check(copy, job.state);
                synchronized (this) {
                    if (stopped) {
                        // The check may have been ended by that
                        return;
                    }
                    done++;
                    underWay.remove(job.number);
                    if (verdict != null) {
                        failures.put(job.number, new Failure(job.number, job.state, verdict, job.state));
                    }
                }
                if (verdict != null) {
                    CrashState smallest = shrink(copy, job.state);
                    synchronized (this) {
                        failures.put(job.number, new Failure(job.number, job.state, verdict, smallest));
                    }
                }
            }
        } catch (Throwable e) {
            synchronized (this) {
                trouble = trouble == null ? e : trouble;
            }
        }
    }

    private Verdict check(WorkingCopy copy, CrashState state) throws IOException {
        copy.make(state);
        Verdict verdict = check.check(state, copy.file());
        if (verdict != null && verdict.hung()) {
            // What is left of the check may still write to it
            Files.deleteIfExists(copy.file());
        }
        return verdict;
    }

    /** Takes away the last writes, and then gives back what is lost, as long as the check still fails. */
    private CrashState shrink(WorkingCopy copy, CrashState state) throws IOException {
        CrashState best = state;
        for (int number : state.early().stream().toArray()) {
            best = smaller(copy, best, best.withoutEarly(number));
        }
        boolean goesOn = true;
        for (int cut = state.cut() - 1; goesOn && cut >= Math.max(state.from() - 1, first) && mayEndAt(best, cut); cut--) {
            if (cut >= 0 && log.entries().get(cut + 1).isPieceAfter(log.entries().get(cut))) {
                continue;
            }
            CrashState shorter = smaller(copy, best, best.endingAt(cut));
            goesOn = shorter != best || log.entries().get(cut + 1).length() == 0 || best.lost().get(cut + 1);
            best = shorter;
        }
        for (int lost = best.lost().nextSetBit(0); lost >= 0; lost = best.lost().nextSetBit(lost + 1)) {
            best = smaller(copy, best, best.with(lost));
        }
        return best;
    }

    /** Whether the power cut may have come when no entry behind a place had ended. */
    private boolean mayEndAt(CrashState state, int cut) {
        LogEntry next = log.entries().get(cut + 1);
        // The place of a flush says nothing about its end
        boolean timeless = next.length() == 0 && next.mark() == null;
        return (state.torn() <= cut || state.early().get(state.torn()))
                && state.early().stream().allMatch(number -> timeless || log.entries().get(number).begin() < next.end());
    }

    private CrashState smaller(WorkingCopy copy, CrashState state, CrashState smaller) throws IOException {
        return !stopped && check(copy, smaller) != null && !stopped ? smaller : state;
    }
}
