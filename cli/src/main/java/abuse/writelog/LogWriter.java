// SPDX-License-Identifier: Apache-2.0
package abuse.writelog;

import abuse.libc.ImageLock;
import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Writes a log. Any thread may call; a call allocates nothing unless it fails. An entry counts once all of it is written, so
 * that the file is a log at every moment, and what cannot be written is where it ends: after the first failure nothing
 * is added any more.
 */
public final class LogWriter implements AutoCloseable {
    /** The longest piece in which zeroes are logged, as readers keep all that an entry wrote in memory. */
    private static final long LONGEST_ZEROES = 16 << 20;
    /** A byte beyond the end of any file, and before those of images. */
    private static final long LOCK = 1L << 62;

    private final String path;
    private final int sectorSize;
    private final int fd;
    /** A sector for an entry, and one for the superblock. */
    private final Memory memory;
    private final ByteBuffer words;
    private final int timesAt;
    /** How many begins and ends there were. */
    private final AtomicLong clock = new AtomicLong();
    private long end;
    private long entries;
    private String failure;

    /**
     * Makes the file, which must not be there yet, or be empty, or a log without entries that nobody writes.
     *
     * @param sectorSize bytes of the disk's logical block, which is what the format counts in
     */
    public LogWriter(String path, int sectorSize) throws IOException {
        this.path = path;
        this.sectorSize = sectorSize;
        timesAt = Format.timesAt(sectorSize);
        fd = Unix.open(path, Unix.O_CREAT | Unix.O_RDWR | Unix.O_CLOEXEC | Unix.O_NONBLOCK, 0600);
        if (fd < 0) {
            throw new IOException(path + ": " + Unix.strerror(Unix.errno()));
        }
        memory = Memory.map(2L * sectorSize);
        words = memory.buffer().order(ByteOrder.LITTLE_ENDIAN);
        try {
            if (Unix.lseek(fd, 0, Unix.SEEK_END) < 0) {
                throw new IOException(path + ": is not a file");
            }
            lock();
            long size = Unix.lseek(fd, 0, Unix.SEEK_END);
            if (size > 0 && !isLogWithoutEntries(size)) {
                throw new IOException(path + ": is there already, and a record is not continued; name a new file");
            }
            if (Unix.ftruncate(fd, 0) < 0) {
                throw new IOException(path + ": is not a file");
            }
            memory.zero(0, 2L * sectorSize);
            words.putLong(sectorSize + Format.MAGIC_AT, Format.MAGIC).putLong(sectorSize + Format.VERSION_AT, Format.VERSION)
                    .putInt(sectorSize + Format.SECTOR_SIZE_AT, sectorSize);
            put(memory.address() + sectorSize, sectorSize, 0);
            words.putLong(timesAt, Format.TIMES_MAGIC);
            end = sectorSize;
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Of two that write the same file at least one fails. */
    private void lock() throws IOException {
        ImageLock.check(path, Unix.lockForReading(fd, LOCK), false);
        long other = Unix.firstLock(fd, LOCK, 1);
        ImageLock.check(path, other, false);
        if (other > 0) {
            throw new IOException(path + ": is being written by another 'record' filter");
        }
        ImageLock.refuseText(fd, path);
    }

    /** Whether it is what a filter leaves that was closed at once, as another one could not be opened. */
    private boolean isLogWithoutEntries(long size) {
        return size == sectorSize && Unix.pread(fd, memory.address(), size, 0) == size && words.getLong(Format.MAGIC_AT) == Format.MAGIC
                && words.getLong(Format.ENTRIES_AT) == 0;
    }

    /**
     * Something but a flush begins.
     *
     * @return the time, for its end
     */
    public long begun() {
        return clock.incrementAndGet();
    }

    /**
     * Data was written.
     *
     * @param begin what {@link #begun} has returned
     * @param address of the data
     * @param durable whether it is durable already
     */
    public synchronized void written(long begin, long offset, long length, long address, boolean durable) throws IOException {
        if (failure == null) {
            put(address, length, end + sectorSize);
            append(begin, clock.incrementAndGet(), offset, length, durable ? Format.FUA : 0, length);
            count(1);
        }
    }

    /** Zeroes were written, which take no space in the file. Their pieces end at once, and count at once. */
    public synchronized void zeroed(long begin, long offset, long length, boolean durable) throws IOException {
        if (failure == null) {
            long until = clock.incrementAndGet();
            long pieces = 0;
            for (long done = 0; done < length; done += LONGEST_ZEROES) {
                long piece = Math.min(length - done, LONGEST_ZEROES);
                while (Unix.ftruncate(fd, end + sectorSize + piece) < 0) {
                    throwUnlessInterrupted();
                }
                append(begin, until, offset + done, piece, durable ? Format.FUA : 0, piece);
                pieces++;
            }
            count(pieces);
        }
    }

    /** A range was discarded. */
    public synchronized void discarded(long begin, long offset, long length, boolean durable) throws IOException {
        if (failure == null) {
            append(begin, clock.incrementAndGet(), offset, length, Format.DISCARD | (durable ? Format.FUA : 0), 0);
            count(1);
        }
    }

    /**
     * A flush begins, which makes durable what was written before, and not what is written until its end: so it has its place now.
     * Until its end that is an entry without a meaning.
     *
     * @return the place, for {@link #flushed}
     */
    public synchronized long flushing() throws IOException {
        long place = end;
        if (failure == null) {
            append(clock.incrementAndGet(), 0, 0, 0, Format.METADATA, 0);
            count(1);
        }
        return place;
    }

    /** A flush has ended well. */
    public synchronized void flushed(long place) throws IOException {
        if (failure == null) {
            rewrite(place, timesAt + Format.END_AT, clock.incrementAndGet());
            rewrite(place, Format.FLAGS_AT, Format.FLUSH);
        }
    }

    /**
     * Somebody wants to find this place again by a text.
     *
     * @throws IOException when it is too long, too, or the log has ended
     */
    public synchronized void mark(String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int most = Format.longestText(sectorSize);
        if (bytes.length > most) {
            throw new IOException("a mark has " + most + " bytes at most in this record, and this one has " + bytes.length);
        }
        checkWhole();
        words.putLong(Format.TEXT_LENGTH_AT, bytes.length);
        words.put(Format.TEXT_AT, bytes);
        try {
            long now = clock.incrementAndGet();
            append(now, now, 0, 0, Format.MARK, 0);
            count(1);
        } finally {
            memory.zero(Format.TEXT_LENGTH_AT, timesAt - Format.TEXT_LENGTH_AT);
        }
    }

    /** Whether the log goes on. */
    public synchronized boolean isWhole() {
        return failure == null;
    }

    /** Throws if the log has ended. */
    public synchronized void checkWhole() throws IOException {
        if (failure != null) {
            throw new IOException(failure);
        }
    }

    /** Adds an entry that does not count yet. */
    private void append(long begin, long until, long offset, long length, long flags, long dataLength) throws IOException {
        words.putLong(timesAt + Format.BEGIN_AT, begin).putLong(timesAt + Format.END_AT, until);
        words.putLong(Format.SECTOR_AT, offset / sectorSize).putLong(Format.SECTORS_AT, length / sectorSize).putLong(Format.FLAGS_AT, flags);
        put(memory.address(), sectorSize, end);
        end += sectorSize + dataLength;
    }

    /** The last entries count from now on. */
    private void count(long more) throws IOException {
        words.putLong(sectorSize + Format.ENTRIES_AT, entries + more);
        put(memory.address() + sectorSize + Format.ENTRIES_AT, Long.BYTES, Format.ENTRIES_AT);
        entries += more;
    }

    /** Changes a number of an entry. */
    private void rewrite(long place, int at, long number) throws IOException {
        words.putLong(at, number);
        put(memory.address() + at, Long.BYTES, place + at);
    }

    private void put(long address, long length, long position) throws IOException {
        for (long done = 0; done < length;) {
            long n = Unix.pwrite(fd, address + done, length - done, position + done);
            if (n < 0) {
                throwUnlessInterrupted();
            } else {
                done += n;
            }
        }
    }

    /** What fails is the end of the log, once it has begun. */
    private void throwUnlessInterrupted() throws IOException {
        if (Unix.errno() != Unix.EINTR) {
            failure = path + ": " + Unix.strerror(Unix.errno()) + (end > 0 ? "; the record ends before that" : "");
            if (end > 0) {
                // This needs no room; if it fails, readers are not told
                words.putLong(sectorSize + Format.CUT_AT, 1);
                Unix.pwrite(fd, memory.address() + sectorSize + Format.CUT_AT, Long.BYTES, Format.CUT_AT);
            }
            throw new IOException(failure);
        }
    }

    @Override
    public synchronized void close() {
        // What comes later than the end of the disk finds neither the file nor the memory
        failure = path + ": is closed";
        Unix.close(fd);
        memory.close();
    }
}
