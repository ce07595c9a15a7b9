// SPDX-License-Identifier: Apache-2.0
package abuse.crash;

import abuse.writelog.LogEntry;
import abuse.writelog.Storage;
import abuse.writelog.WriteLog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A file that takes on one state after the other. Beside it is one with all that is durable, from which what a state has
 * changed is put back, and what its check has changed, too: all of it is compared if the check may have changed anything.
 */
final class WorkingCopy implements AutoCloseable {
    /** A time at which nobody has written, so that what is written later can be told. */
    private static final FileTime LONG_AGO = FileTime.fromMillis(946_684_800_000L);
    /** Filesystems that note the time of a write through a mapping, too; tmpfs does not. */
    private static final Set<String> EXACT = Set.of("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs");
    private static final String FILE_ITSELF = "unix:dev,ino";
    private static final String LAST_CHANGE = "unix:lastModifiedTime,ctime";

    private final WriteLog log;
    /** For the file alone; a check may leave more there. */
    private final Path folder;
    private final Path file;
    private final Path durableFile;
    private final boolean exact;
    private Storage state;
    private final Storage durable;
    /** How many entries are in the durable file. */
    private int played;
    private final List<LogEntry> changed = new ArrayList<>();
    private Map<String, Object> itself;
    /** When it was changed last by making a state; null if it has none. */
    private Map<String, Object> made;

    /** Copies the base into files in a folder. */
    WorkingCopy(WriteLog log, Storage base, Path folder, int number) throws IOException {
        this.log = log;
        this.folder = Files.createDirectory(folder.resolve("job" + number));
        file = this.folder.resolve("state");
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
            itself = attributes(FILE_ITSELF);
            exact = EXACT.contains(typeOf(folder));
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Makes a file of its own that is a state, which must not be there yet; there is none if this throws. */
    static void keep(CrashState what, WriteLog log, Storage base, Path path) throws IOException {
        try (Storage file = Storage.create(path.toString(), base.size())) {
            fill(file, what, log, base, path);
        }
    }

    private static void fill(Storage file, CrashState what, WriteLog log, Storage base, Path path) throws IOException {
        try {
            file.become(base);
            for (int number = 0; number < what.from(); number++) {
                log.play(log.entries().get(number), file);
            }
            play(what, log, file);
            file.sync();
        } catch (IOException | RuntimeException | Error e) {
            Files.deleteIfExists(path);
            throw e;
        }
    }

    private static List<LogEntry> play(CrashState what, WriteLog log, Storage file) throws IOException {
        List<LogEntry> there = what.there().mapToObj(log.entries()::get).toList();
        for (LogEntry entry : there) {
            log.play(entry, entry.number() == what.torn() ? what.kept() * log.sectorSize() : entry.length(), file);
        }
        return there;
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
        changed.addAll(play(what, log, state));
        Files.setLastModifiedTime(file, LONG_AGO);
        made = attributes(LAST_CHANGE);
    }

    private Map<String, Object> attributes(String which) throws IOException {
        return Files.readAttributes(file, which, LinkOption.NOFOLLOW_LINKS);
    }

    private static String typeOf(Path folder) {
        try {
            return Files.getFileStore(folder).type();
        } catch (IOException e) {
            return "";
        }
    }

    private void restore() throws IOException {
        // What an earlier check has left beside the file, such as a journal, would be taken for this state's
        Tree.delete(folder, Set.of(folder, file));
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS) || !attributes(FILE_ITSELF).equals(itself)) {
            Files.deleteIfExists(file);
            Storage fresh = Storage.create(file.toString(), durable.size());
            state.close();
            state = fresh;
            state.become(durable);
            itself = attributes(FILE_ITSELF);
        } else if (made != null && (!exact || !attributes(LAST_CHANGE).equals(made))) {
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
        Files.deleteIfExists(durableFile);
        Tree.delete(folder, Set.of());
    }
}
