// SPDX-License-Identifier: Apache-2.0
package abuse.crash;

import abuse.writelog.LogEntry;
import abuse.writelog.Storage;
import abuse.writelog.WriteLog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;

/**
 * A file that takes on one state after the other. Beside it is one with all that is durable, from which what a state has
 * changed is put back, and what its check has changed, too.
 */
final class WorkingCopy implements AutoCloseable {
    /** A time at which nobody has written, so that what is written later can be told. */
    private static final FileTime LONG_AGO = FileTime.fromMillis(946_684_800_000L);

    private final WriteLog log;
    private final int sectorSize;
    private final Path file;
    private final Path durableFile;
    private final Storage state;
    private final Storage durable;
    /** How many entries are in the durable file. */
    private int played;
    private final List<LogEntry> changed = new ArrayList<>();
    private boolean made;

    /** Copies the base into files in a folder. */
    WorkingCopy(WriteLog log, Storage base, Path folder, int number) throws IOException {
        this.log = log;
        sectorSize = log.sectorSize();
        file = folder.resolve("state" + number);
        durableFile = folder.resolve("durable" + number);
        durable = Storage.create(durableFile.toString(), base.size());
        try {
            state = Storage.create(file.toString(), base.size());
        } catch (IOException e) {
            durable.close();
            throw e;
        }
        try {
            durable.become(base);
            state.become(durable);
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    Path file() {
        return file;
    }

    /** Takes on a state, which must not be older than the one before. */
    void make(CrashState what) throws IOException {
        restore();
        for (; played < what.from(); played++) {
            log.play(log.entries().get(played), durable);
            log.play(log.entries().get(played), state);
        }
        for (int number : what.there().toArray()) {
            LogEntry entry = log.entries().get(number);
            changed.add(entry);
            log.play(entry, entry.number() == what.torn() ? what.kept() * sectorSize : entry.length(), state);
        }
        Files.setLastModifiedTime(file, LONG_AGO);
        made = true;
    }

    private void restore() throws IOException {
        if (made && !Files.getLastModifiedTime(file).equals(LONG_AGO)) {
            state.become(durable);
        } else {
            for (LogEntry entry : changed) {
                state.copyFrom(durable, entry.offset(), entry.offset(), entry.length());
            }
        }
        changed.clear();
    }

    @Override
    public void close() throws IOException {
        state.close();
        durable.close();
        Files.deleteIfExists(file);
        Files.deleteIfExists(durableFile);
    }
}
