// SPDX-License-Identifier: Apache-2.0
package abuse.writelog;

import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;

/** A log that is read. All of it is checked when it is opened. Any thread may call. */
public final class WriteLog implements AutoCloseable {
    private static final int SMALLEST_SECTOR = 512;
    private static final int LARGEST_SECTOR = 64 << 10;

    private final String path;
    private final Storage file;
    private final int sectorSize;
    private final boolean isCut;
    private final List<LogEntry> entries;

    /**
     * Opens a log, which may be on a block device.
     *
     * @throws IOException when it cannot be read, or is no log, or not all of one; the message names it
     */
    public WriteLog(String path) throws IOException {
        this(path, Storage.toRead(path));
    }

    /** The same for one that is open, and is closed with this, or if this fails. */
    WriteLog(String path, Storage file) throws IOException {
        this.path = path;
        this.file = file;
        try (Memory memory = Memory.map(LARGEST_SECTOR)) {
            ByteBuffer words = memory.buffer().order(ByteOrder.LITTLE_ENDIAN);
            if (file.size() >= SMALLEST_SECTOR) {
                file.read(0, memory.address(), SMALLEST_SECTOR);
            }
            if (words.getLong(Format.MAGIC_AT) != Format.MAGIC) {
                throw new IOException(path + ": is neither a record nor a log of dm-log-writes");
            }
            if (words.getLong(Format.VERSION_AT) != Format.VERSION) {
                throw new IOException(path + ": is a record of version " + Long.toUnsignedString(words.getLong(Format.VERSION_AT))
                        + ", and only version 1 is known");
            }
            sectorSize = words.getInt(Format.SECTOR_SIZE_AT);
            if (sectorSize < SMALLEST_SECTOR || sectorSize > LARGEST_SECTOR || Integer.bitCount(sectorSize) != 1) {
                throw new IOException(path + ": is damaged: its sectors have " + Integer.toUnsignedString(sectorSize) + " bytes");
            }
            isCut = words.getLong(Format.CUT_AT) != 0;
            entries = Collections.unmodifiableList(readAll(path, words, memory.address(), words.getLong(Format.ENTRIES_AT)));
        } catch (IOException | RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /** Fails if something that is used with it is the log itself, by whatever name. */
    public void refuse(Storage image) throws IOException {
        file.refuse(image);
    }

    private List<LogEntry> readAll(String path, ByteBuffer words, long address, long number) throws IOException {
        var all = new ArrayList<LogEntry>();
        // A writer makes the file longer before it counts an entry, so the size belongs behind the count
        long size = file.sizeNow();
        long at = sectorSize;
        long now = 0;
        LogEntry before = null;
        for (long i = 0; i != number; i++) {
            if (at > size - sectorSize || i == Integer.MAX_VALUE) {
                throw new IOException(path + ": is cut short: entry " + i + " of " + Long.toUnsignedString(number) + " is not there");
            }
            file.read(at, address, sectorSize);
            at += sectorSize;
            LogEntry entry = read(path, words, (int) i, at, now, before);
            before = entry;
            now = hasTimes(words) && entry.standsAtItsBegin() ? entry.begin() : entry.end();
            if (!entry.isDiscard()) {
                if (entry.length() > size - at) {
                    throw new IOException(path + ": is cut short, or damaged: the data of entry " + i + ", " + entry.length()
                            + " bytes, is not there");
                }
                at += entry.length();
            }
            all.add(entry);
        }
        return all;
    }

    private LogEntry read(String path, ByteBuffer words, int number, long position, long now, LogEntry before) throws IOException {
        long sector = words.getLong(Format.SECTOR_AT);
        long sectors = words.getLong(Format.SECTORS_AT);
        long flags = words.getLong(Format.FLAGS_AT);
        long text = words.getLong(Format.TEXT_LENGTH_AT);
        boolean mark = (flags & Format.MARK) != 0;
        long most = Long.MAX_VALUE / sectorSize;
        // One without any meaning is what a file has that was not written there
        if (sector < 0 || sectors < 0 || sector > most || sectors > most - sector || flags == 0 && sectors == 0
                || mark && (text < 0 || text > sectorSize - Format.TEXT_AT || sectors != 0)) {
            throw new IOException(path + ": is damaged: entry " + number + " makes no sense");
        }
        byte[] bytes = new byte[mark ? (int) text : 0];
        words.get(Format.TEXT_AT, bytes);
        boolean timed = hasTimes(words);
        int times = Format.timesAt(sectorSize);
        var entry = new LogEntry(number, sector, sector * sectorSize, sectors * sectorSize, flags,
                mark ? new String(bytes, StandardCharsets.UTF_8) : null, position,
                timed ? words.getLong(times + Format.BEGIN_AT) : now + 1, timed ? words.getLong(times + Format.END_AT) : now + 2);
        if (!entry.isKnown()) {
            throw new IOException(path + ": is damaged, or newer than this program: entry " + number + " has the flags 0x" + Long.toHexString(flags));
        }
        if (timed && (entry.standsAtItsBegin() ? entry.begin() <= now || entry.isFlush() && entry.end() <= entry.begin()
                : entry.begin() <= 0 || entry.begin() > entry.end() || entry.end() <= now && !entry.isPieceAfter(before))) {
            throw new IOException(path + ": is damaged: the times of entry " + number + " make no sense");
        }
        return entry;
    }

    /** Whether the 'record' filter has written an entry. */
    private boolean hasTimes(ByteBuffer words) {
        return words.getLong(Format.timesAt(sectorSize)) == Format.TIMES_MAGIC
                && ((words.getLong(Format.FLAGS_AT) & Format.MARK) == 0 || words.getLong(Format.TEXT_LENGTH_AT) <= Format.longestText(sectorSize));
    }

    /** All entries, in their order. */
    public List<LogEntry> entries() {
        return entries;
    }

    /** Tells if it ends because something could not be written to it, so that what came later is missing. */
    public void tellIfCut(Consumer<String> listener) {
        if (isCut) {
            listener.accept(path + ": ends where it could not be written, as when there is no room; what came later is not in it");
        }
    }

    /** The bytes of a sector. */
    public int sectorSize() {
        return sectorSize;
    }

    /** How many bytes a disk must have for some entries. */
    public static long reach(List<LogEntry> entries) {
        return entries.stream().mapToLong(entry -> entry.offset() + entry.length()).max().orElse(0);
    }

    /** The number of the first mark with a text, if there is one. */
    public static OptionalInt firstMark(List<LogEntry> entries, String text) {
        return entries.stream().filter(entry -> text.equals(entry.mark())).mapToInt(LogEntry::number).findFirst();
    }

    /** Does to a disk what the first bytes of an entry did; a range that was discarded becomes zeros. */
    public void play(LogEntry entry, long length, Storage onto) throws IOException {
        if (entry.isDiscard()) {
            onto.zero(entry.offset(), length);
        } else {
            onto.copyFrom(file, entry.position(), entry.offset(), length);
        }
    }

    /** Does what an entry did. */
    public void play(LogEntry entry, Storage onto) throws IOException {
        play(entry, entry.length(), onto);
    }

    @Override
    public void close() {
        file.close();
    }
}
