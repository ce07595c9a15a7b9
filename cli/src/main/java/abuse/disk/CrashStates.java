// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import abuse.crash.CrashRun;
import abuse.crash.CrashRun.Failure;
import abuse.crash.CrashRun.Verdict;
import abuse.crash.CrashState;
import abuse.crash.CrashWalk;
import abuse.crash.Tree;
import abuse.writelog.LogEntry;
import abuse.writelog.Storage;
import abuse.writelog.WriteLog;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The states in which a power cut could have left a disk, at any moment since its start, for a test of a program that writes to
 * it:
 *
 * <pre>{@code
 * try (Disk disk = Disk.builder().size(16 << 20).recorded().start()) {
 *     new Store(disk.path()).put("key", "value");
 *     disk.mark("stored");
 *     CrashStates.of(disk).forEach(image -> new Store(image).check());
 *     CrashStates.of(disk).fromMark("stored").forEach(image -> assertEquals("value", new Store(image).get("key")));
 * }
 * }</pre>
 *
 * <p>What was flushed, or written with FUA, is there; of all else that was written until the power cut any part may be there, and
 * one write may be torn. abusectl-crashes(8) tells the rule; it has {@link #most}, {@link #seed} and {@link #fromMark}, too.
 * What the program has not sent to the disk, as it is still in the page cache, is in no state.
 *
 * <p>An object is for one thread at a time.
 */
public final class CrashStates {
    /** Looks at a disk after a power cut. */
    @FunctionalInterface
    public interface Check {
        /**
         * Throws anything if the state is bad. It may be called again with a smaller state, after it has thrown.
         *
         * @param image a file with the bytes of the disk, neither a block device nor of use after the call. The check may write to
         *     it, and must have closed it when it returns
         */
        void check(Path image) throws Exception;
    }

    private static final int MOST = 1 << 20;
    /** Of the entries of a state. */
    private static final int MOST_LINES = 32;

    private final Disk disk;
    private int most = 64;
    private long seed = 1;
    private String mark;

    private CrashStates(Disk disk) {
        this.disk = disk;
    }

    /**
     * Those of a disk that is not closed yet.
     *
     * @throws IllegalStateException when it is not {@linkplain DiskBuilder#recorded recorded}
     */
    public static CrashStates of(Disk disk) {
        disk.recording();
        return new CrashStates(disk);
    }

    /**
     * How many states there are at most before each flush, write with FUA and mark, and at the end; the default is 64. If there
     * could be more, some are chosen: all writes are there, none is, each one is missing, each is alone, and others by chance.
     *
     * @param states 1 to 1048576
     */
    public CrashStates most(int states) {
        if (states < 1 || states > MOST) {
            throw new IllegalArgumentException("most " + states + " must be from 1 to " + MOST);
        }
        most = states;
        return this;
    }

    /** Chooses other states by chance; the default is 1, and the same seed chooses the same of the same writes. */
    public CrashStates seed(long number) {
        seed = number;
        return this;
    }

    /** Leaves out what a power cut before the first {@linkplain Disk#mark mark} with this text could have left. */
    public CrashStates fromMark(String text) {
        mark = Objects.requireNonNull(text);
        return this;
    }

    /**
     * Makes one state after the other, the first one without any write, and has it checked by the calling thread.
     *
     * @throws AssertionError when the check throws. The message tells of that state what abusectl-crashes(8) prints, and has the
     *     entries of the smallest one that the check refuses, too: the shortest record, without losses that do not matter. The
     *     cause is what it has thrown first
     * @throws IllegalArgumentException when there is no such mark
     * @throws IllegalStateException when nothing was written to the disk, or the disk is closed
     * @throws IOException when a write could not be recorded or a state cannot be made, as when the folder for temporary files is
     *     full, or if the thread is interrupted
     */
    public void forEach(Check check) throws IOException {
        Recording recording = disk.recording();
        if (!Files.exists(recording.log())) {
            throw new IllegalStateException(disk.path() + " is closed, and what was recorded is gone with it");
        }
        recording.checkWhole();
        try (var log = new WriteLog(recording.log().toString()); Storage base = Storage.toRead(recording.base().toString())) {
            if (WriteLog.reach(log.entries()) == 0) {
                throw new IllegalStateException("nothing was written to " + disk.path() + ", so there is nothing to check");
            }
            int first = mark == null ? -1 : WriteLog.firstMark(log.entries(), mark)
                    .orElseThrow(() -> new IllegalArgumentException(disk.path() + " has no mark '" + mark + "'"));
            var states = new CrashWalk(log.entries(), log.sectorSize(), most, seed);
            states.beginAt(first);
            Path folder = recording.newFolder();
            walk(log, base, states, first, folder, check);
            Tree.delete(folder, Set.of());
        }
    }

    private static void walk(WriteLog log, Storage base, CrashWalk states, int first, Path folder, Check check) throws IOException {
        var thrown = new Throwable[1];
        var run = new CrashRun(log, states, first, (state, image) -> {
            Throwable now = outcome(check, image);
            thrown[0] = thrown[0] == null ? now : thrown[0];
            return now == null ? null : new Verdict(1, false, now.toString());
        }, false);
        try {
            run.run(base, folder);
        } catch (IOException e) {
            if (thrown[0] == null) {
                throw e;
            }
            // That it could not be made smaller is less than that it is bad
            thrown[0].addSuppressed(e);
        }
        if (thrown[0] != null) {
            throw new AssertionError(words(log.entries(), run.failures().get(0)), thrown[0]);
        }
    }

    /** What a check has thrown; null if nothing. */
    private static Throwable outcome(Check check, Path image) throws IOException {
        try {
            check.check(image);
            if (Thread.currentThread().isInterrupted()) {
                throw new InterruptedException();
            }
            return null;
        } catch (VirtualMachineError e) {
            throw e;
        } catch (Throwable e) {
            if (e instanceof InterruptedException) {
                Thread.currentThread().interrupt();
            }
            if (Thread.currentThread().isInterrupted()) {
                throw (IOException) new InterruptedIOException("interrupted in a check").initCause(e);
            }
            return e;
        }
    }

    private static String words(List<LogEntry> log, Failure failure) {
        var text = new StringBuilder("a power cut can leave a state that the check refuses, after " + failure.number() + " good ones: "
                + failure.verdict().output());
        failure.lines(log).forEach(line -> text.append('\n').append(line));
        CrashState smallest = failure.smallest();
        if (smallest.isStart()) {
            return text + "\nwhich is the disk without any write";
        }
        text.append("\nthe smallest one, after the first ").append(smallest.from()).append(" entries:");
        int[] entries = IntStream.concat(IntStream.rangeClosed(smallest.from(), smallest.cut()), smallest.early().stream()).toArray();
        IntStream.of(entries).limit(MOST_LINES).forEach(number -> text.append("\n  ").append(words(log.get(number), smallest)));
        return entries.length <= MOST_LINES ? text.toString() : text + "\n  and " + (entries.length - MOST_LINES) + " more";
    }

    private static String words(LogEntry entry, CrashState state) {
        String what = entry.mark() != null ? "mark " + entry.mark() : entry.length() == 0 ? "flush"
                : (entry.isDiscard() ? "discard of " : "write of ") + entry.length() + " bytes at " + entry.offset();
        return entry.number() + " " + what + (state.lost().get(entry.number()) ? ", lost" : "")
                + (state.torn() == entry.number() ? ", torn after " + state.kept() + (state.kept() == 1 ? " sector" : " sectors") : "");
    }
}
