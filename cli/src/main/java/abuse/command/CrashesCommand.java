// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.crash.CrashRun;
import abuse.crash.CrashRun.Failure;
import abuse.crash.CrashState;
import abuse.crash.CrashWalk;
import abuse.device.FileErrors;
import abuse.writelog.LogEntry;
import abuse.writelog.Storage;
import abuse.writelog.WriteLog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Has a command look at states in which a power cut could have left a disk. */
final class CrashesCommand extends Command {
    private static final int MOST_JOBS = 1024;

    private final PositionalParamSpec file = word("0", "FILE", "A record, or the log device of dm-log-writes");
    private final OptionSpec base = neededOption("--base", "IMAGE", "What the disk had when the record began; it is only read. Must be given.");
    private final OptionSpec check = neededOption("--check", "CHECK", "What is run for each state, by a shell, with " + ShellCheck.IMAGE
            + " for the path of an image; its exit status tells whether the state is good (0). Must be given.");
    private final OptionSpec most = option("--most", "N", "How many states each step of the record has, at most, those with a write that is"
            + " torn among them (64).");
    private final OptionSpec seed = option("--seed", "N", "Chooses other states by chance, if there are more than that (1).");
    private final OptionSpec fromMark = option("--from-mark", "TEXT", "Leave out what a power cut before this mark leaves.");
    private final OptionSpec from = option("--from", "STATE", "Begin with this state, to go on after the command was stopped by a signal.");
    private final OptionSpec keepGoing = flag("-k,--keep-going", "Continue after a bad state.");
    private final OptionSpec timeout = option("--timeout", "SECONDS", "How long a check may take (no limit). After that it is killed, with all that it has"
            + " begun, and the state is bad.");
    private final OptionSpec jobs = option("-j,--jobs", "N", "How many states are checked at once (the number of CPUs).");
    private final OptionSpec folder = option("--work", "FOLDER", "Where copies of the image are meanwhile, two for each job (TMPDIR, or /tmp).");
    private final OptionSpec keep = option("--keep", "FILE", "Make an image of the first bad state, in its smallest form; FILE must not be there yet.");
    private final OptionSpec json = flag("-J,--json", "Print JSON.");

    CrashesCommand(Context context) {
        super(context, "crashes", "Finds bad states in which a power cut could leave a disk.",
                "The disk's writes are in what the 'record' filter or dm-log-writes has written.");
        exitStatus(new TreeMap<>(Map.of("1", "failed, was stopped, or found a bad state; bad states are printed even if it fails after them",
                ServerCommand.KILLED, "ended at once by a second SIGTERM or SIGINT, whose number is N")));
    }

    @Override
    void execute() throws Exception {
        long bound = count(most, 64, 1 << 20);
        int workers = (int) count(jobs, Runtime.getRuntime().availableProcessors(), MOST_JOBS);
        long number = seed.getValue() == null ? 1 : Sizes.number("--seed=", seed.getValue());
        long limit = timeout.getValue() == null ? 0 : Seconds.parse("--timeout", timeout.getValue());
        if (timeout.getValue() != null && limit == 0) {
            throw new UsageException("--timeout=" + timeout.getValue() + " must be more than 0");
        }
        if (!check.<String>getValue().contains(ShellCheck.IMAGE)) {
            throw new UsageException("--check has no " + ShellCheck.IMAGE + ", where the path of the image belongs");
        }
        try (var log = new WriteLog(file.getValue()); Storage image = ReplayCommand.open(base, Storage::toRead)) {
            log.tellIfCut(context::complain);
            log.refuse(image);
            image.alone().raw();
            long need = WriteLog.reach(log.entries());
            if (image.size() < need) {
                throw new FailedException(base.getValue() + ": has " + image.size() + " bytes, and the recorded disk had at least " + need);
            }
            checkKeep();
            long total = 0;
            CrashWalk all = states(log, (int) bound, number);
            for (; all.hasNext(); all.next()) {
                total++;
            }
            if (need == 0) {
                throw new FailedException(file.getValue() + ": has no write, so there is nothing to check; was the 'record' filter the first one?");
            }
            var shell = new ShellCheck(check.getValue(), limit > 0 ? Math.max(limit / 1_000_000, 1) : 0, log.entries());
            walk(log, image, states(log, (int) bound, number), new Size(total, all.leftOut()), workers, shell);
        }
    }

    /** What is found only after a long time must not be lost for a mistake of the beginning. */
    private void checkKeep() throws FailedException {
        if (keep.getValue() == null) {
            return;
        }
        Path path = Path.of(keep.<String>getValue()).toAbsolutePath();
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            throw new FailedException(keep.getValue() + ": is there already");
        }
        Path parent = path.getParent();
        if (!Files.exists(parent)) {
            throw new FailedException(parent + ": No such file or directory");
        }
        if (!Files.isDirectory(parent)) {
            throw new FailedException(parent + ": Not a directory");
        }
        if (!Files.isWritable(parent)) {
            throw new FailedException(parent + ": Permission denied");
        }
    }

    /** How many states there are to check, and how many more that are not. */
    private record Size(long total, long leftOut) {}

    /** The states from the one on that was asked for. */
    private CrashWalk states(WriteLog log, int bound, long number) throws FailedException {
        List<LogEntry> entries = log.entries();
        int first = first(entries);
        var states = new CrashWalk(entries, log.sectorSize(), bound, number);
        states.beginAt(first);
        states.skipUntil(state -> from.getValue() == null || from.getValue().equals(state.name(entries)));
        if (from.getValue() != null && !states.hasNext()) {
            throw new FailedException("there is no state '" + from.getValue() + "'; --most, --seed and --from-mark must be those of before");
        }
        return states;
    }

    /** The mark to begin with; -1 if there is none. */
    private int first(List<LogEntry> entries) throws FailedException {
        if (fromMark.getValue() == null) {
            return -1;
        }
        return WriteLog.firstMark(entries, fromMark.getValue()).orElseThrow(
                () -> ReplayCommand.noMark(file.getValue(), entries, fromMark.getValue()));
    }

    private void walk(WriteLog log, Storage image, CrashWalk states, Size size, int workers, ShellCheck shell) throws IOException, FailedException {
        var run = new CrashRun(log, states, first(log.entries()), shell, isSet(keepGoing));
        context.signals.onStop(() -> {
            run.stop();
            shell.stop();
        });
        String given = folder.getValue() != null ? folder.getValue() : context.environment.getOrDefault("TMPDIR", "/tmp");
        if (!ShellCheck.canName(given)) {
            throw new FailedException(given + ": has a character in its name that a shell does not take as it is; name another folder with --work");
        }
        Path copies;
        try {
            copies = Files.createTempDirectory(Path.of(given), "abusectl-crashes");
        } catch (IOException e) {
            throw new FailedException((folder.getValue() != null ? "--work=" : "") + given + ": " + FileErrors.words(e), e);
        }
        long start = System.nanoTime();
        var progress = new Progress(context, "checking", Math.max(size.total, 1), size.total + " states", run::done);
        IOException trouble = null;
        try {
            run.run(image, copies, workers);
        } catch (IOException e) {
            trouble = e;
        } finally {
            progress.end();
            remove(copies);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        List<Failure> bad = run.failures();
        if (trouble == null || !bad.isEmpty()) {
            print(log.entries(), bad, run.done(), size.leftOut, seconds);
        }
        boolean kept = !bad.isEmpty() && keep.getValue() != null && keep(run, bad.get(0).smallest(), image);
        if (trouble != null) {
            throw trouble;
        }
        CrashState next = run.isStopped() && (bad.isEmpty() || isSet(keepGoing)) ? run.next() : null;
        if (next != null) {
            throw new FailedException(file.getValue() + ": stopped; --from " + next.name(log.entries()) + " goes on");
        }
        if (!bad.isEmpty()) {
            String advice = bad.get(0).smallest().isStart() ? "the check refuses " + base.getValue()
                    + " as it is, without any write; is it what the disk had when the record began?"
                    : kept ? keep.getValue() + " is its image" : "add --keep FILE to keep an image of it";
            throw new FailedException(file.getValue() + ": " + (bad.size() == 1 ? "a state is bad; " : bad.size() + " states are bad; ") + advice);
        }
    }

    /** Returns whether it could be made; what was found is told even if not. */
    private boolean keep(CrashRun run, CrashState state, Storage image) {
        try {
            run.keep(state, image, Path.of(keep.<String>getValue()));
            return true;
        } catch (IOException e) {
            context.complain(keep.getValue() + ": " + FileErrors.words(e));
            return false;
        }
    }

    private void remove(Path copies) {
        try {
            Files.deleteIfExists(copies);
        } catch (IOException e) {
            context.complain(copies + ": stays, as something else is in it");
        }
    }

    private void print(List<LogEntry> log, List<Failure> bad, long done, long leftOut, double seconds) {
        if (isSet(json)) {
            var all = new LinkedHashMap<String, Object>();
            all.put("states", done);
            all.put("left_out", leftOut);
            all.put("seconds", Math.round(seconds * 1000) / 1000.0);
            all.put("bad", bad.stream().map(failure -> members(log, failure)).toList());
            context.out.println(Json.text(all));
            return;
        }
        for (Failure failure : bad) {
            failure.lines(log).forEach(line -> context.out.println(Printable.text(line)));
            context.out.println(failure.verdict().hung() ? "hung: true" : "status: " + failure.verdict().exitStatus());
            failure.verdict().output().lines().forEach(line -> context.out.println("| " + Printable.line(line)));
        }
        String more = leftOut == 0 ? "" : leftOut + (leftOut == CrashWalk.MANY ? " or more" : "") + " left out, ";
        context.out.println(done + (done == 1 ? " state, " : " states, ") + bad.size() + " bad, " + more
                + String.format(Locale.ROOT, "%.1f", done / seconds) + " per second");
    }

    private static Map<String, Object> members(List<LogEntry> log, Failure failure) {
        Map<String, Object> members = members(log, failure.state());
        members.put("mark", failure.state().mark(log));
        members.put("smallest", members(log, failure.smallest()));
        members.put("status", failure.verdict().hung() ? null : failure.verdict().exitStatus());
        members.put("hung", failure.verdict().hung());
        members.put("output", failure.verdict().output());
        return members;
    }

    private static Map<String, Object> members(List<LogEntry> log, CrashState state) {
        var members = new LinkedHashMap<String, Object>();
        members.put("state", state.name(log));
        members.put("last", state.cut() < 0 ? null : state.cut());
        members.put("lost", state.lost().stream().boxed().toList());
        members.put("early", state.early().stream().boxed().toList());
        members.put("torn", state.torn() < 0 ? null : state.torn());
        return members;
    }

    private static long count(OptionSpec option, long fallback, long largest) throws UsageException {
        if (option.getValue() == null) {
            return fallback;
        }
        String name = option.longestName() + "=";
        long count = Sizes.number(name, option.getValue());
        if (count < 1 || count > largest) {
            throw new UsageException(name + option.getValue() + " is not from 1 to " + largest);
        }
        return count;
    }
}
