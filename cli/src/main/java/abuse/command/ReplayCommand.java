// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.Words;
import abuse.writelog.LogEntry;
import abuse.writelog.Storage;
import abuse.writelog.WriteLog;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows what changed a disk, and does it again. */
final class ReplayCommand extends Command {
    private final PositionalParamSpec file = word("0", "FILE", "A record, or the log device of dm-log-writes");
    private final OptionSpec toMark = option("--to-mark", "TEXT", "Stop after the first mark with this text.");
    private final OptionSpec toEntry = option("--to-entry", "N", "Stop after this entry (the first is 0).");
    private final OptionSpec toFlush = option("--to-flush", "N", "Stop after this flush (the first is 1).");
    private final List<OptionSpec> limits = List.of(toMark, toEntry, toFlush);
    private final OptionSpec durable = flag("--durable", "Without what a power cut could take away at that point: writes that have neither FUA"
            + " nor a flush after them.");
    private final OptionSpec onto = option("--onto", "IMAGE", "Carry this out on an image or a disk, which must have the content that the"
            + " recorded disk had when the record began.");
    private final Table<LogEntry> table = new Table<>(this, List.of(LogColumn.values()),
            List.of(LogColumn.ENTRY, LogColumn.SECTOR, LogColumn.LENGTH, LogColumn.FLAGS, LogColumn.MARK), true);

    private volatile long done;

    ReplayCommand(Context context) {
        super(context, "replay", "Shows what changed a disk, and does it again to another one.",
                "It is read from what the 'record' filter or dm-log-writes has written.");
        exitStatus(Map.of(ServerCommand.KILLED, "ended by a signal, whose number is N"));
    }

    @Override
    void execute() throws Exception {
        List<? extends Field<LogEntry>> columns = table.columns();
        if (onto.getValue() != null && table.isAskedFor()) {
            throw new UsageException("--onto prints nothing, so options for columns are of no use");
        }
        if (limits.stream().filter(option -> option.getValue() != null).count() > 1) {
            throw new UsageException("--to-mark, --to-entry and --to-flush exclude each other");
        }
        long entry = limit(toEntry);
        long flush = limit(toFlush);
        try (var log = new WriteLog(file.getValue())) {
            log.tellIfCut(context::complain);
            List<LogEntry> all = log.entries();
            int end = end(all, entry, flush);
            int safe = isSet(durable) ? lastFlush(all.subList(0, end)) : end;
            List<LogEntry> chosen = all.subList(0, end).stream().filter(one -> one.number() < safe || one.isFua() || one.length() == 0).toList();
            if (onto.getValue() == null) {
                table.print(columns, "entries", chosen);
            } else {
                play(log, chosen);
            }
        }
    }

    /** How many entries there are up to the end that was asked for. */
    private int end(List<LogEntry> all, long entry, long flush) throws FailedException, UsageException {
        if (!isLimited()) {
            return all.size();
        }
        String text = toMark.getValue();
        if (toFlush.getValue() != null && flush == 0) {
            throw new UsageException("--to-flush=0 must be at least 1");
        }
        long flushes = 0;
        for (LogEntry one : all) {
            flushes += one.isFlush() ? 1 : 0;
            if (one.number() == entry || one.isFlush() && flushes == flush || text != null && text.equals(one.mark())) {
                return one.number() + 1;
            }
        }
        if (text != null) {
            throw noMark(file.getValue(), all, text);
        }
        throw new FailedException(file.getValue() + ": has " + (toEntry.getValue() != null ? "no entry " + entry + "; " + (all.isEmpty() ? "it has none" : "the last one is " + (all.size() - 1))
                : "no flush " + flush + "; " + (flushes == 0 ? "it has none" : "the last one is " + flushes)));
    }

    /** How the file of an option is opened. */
    interface Opener {
        Storage open(String path) throws IOException;
    }

    static Storage open(OptionSpec option, Opener opener) throws IOException {
        try {
            return opener.open(option.getValue());
        } catch (IOException e) {
            throw new IOException(option.longestName() + "=" + e.getMessage(), e);
        }
    }

    /** That a log has no mark with a text, and which it has. */
    static FailedException noMark(String file, List<LogEntry> entries, String text) {
        List<String> marks = entries.stream().map(LogEntry::mark).filter(Objects::nonNull).toList();
        String near = Similar.to(text, marks);
        return new FailedException(file + ": has no mark '" + text + "'" + (marks.isEmpty() ? "; it has none"
                : !near.isEmpty() ? near : "; 'abusectl replay -n -o MARK " + Words.escaped(file) + "' shows them"));
    }

    /** Before which entry everything is durable, at the moment of the last one, or at the end of the record. */
    private int lastFlush(List<LogEntry> entries) {
        long moment = isLimited() ? entries.get(entries.size() - 1).moment() : Long.MAX_VALUE;
        return entries.stream().filter(one -> one.isFlush() && one.end() <= moment).mapToInt(LogEntry::number).max().orElse(0);
    }

    private boolean isLimited() {
        return limits.stream().anyMatch(option -> option.getValue() != null);
    }

    private void play(WriteLog log, List<LogEntry> entries) throws IOException, FailedException {
        try (Storage target = open(onto, Storage::toChange)) {
            log.refuse(target);
            target.alone().raw();
            long need = WriteLog.reach(entries);
            if (target.size() < need) {
                throw new FailedException(onto.getValue() + ": has " + target.size() + " bytes, and the recorded disk had at least " + need);
            }
            long bytes = entries.stream().mapToLong(LogEntry::length).sum();
            var progress = new Progress(context, "replaying", Math.max(bytes, 1), () -> done);
            try {
                for (LogEntry one : entries) {
                    log.play(one, target);
                    done += one.length();
                }
            } finally {
                progress.end();
            }
            target.sync();
        }
    }
}
