// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.Mapper;
import abuse.libc.FileSync;
import abuse.libc.ImageLock;
import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A cache on a block device: a {@link Label}, a table with a number for each place, and the places. The table is written
 * only when a server ends well, and is believed only then: so nothing that was written since can be missing in it.
 */
final class DeviceStore implements Store {
    /** What must be zeros on a device that is no cache yet, so that nobody loses a filesystem. */
    private static final int CLEAR = 128 << 10;

    private final String path;
    private final int piece;
    private final int number;
    private final long capacity;
    private int fd = -1;
    /** Keeps others away, and the kernel, too; -1 if the kernel does that. */
    private int alone = -1;
    private int places;
    private long start;
    private FileSync sync;

    /** It is not opened yet, for a disk with this number and capacity. */
    DeviceStore(String path, int piece, int number, long capacity) {
        this.path = path;
        this.piece = piece;
        this.number = number;
        this.capacity = capacity;
    }

    @Override
    public Pieces open(Base base) throws IOException {
        alone = openAlone(path);
        try {
            fd = Unix.open(path, Unix.O_RDWR | Unix.O_CLOEXEC | Unix.O_DIRECT);
            if (fd < 0) {
                throw failure();
            }
            sync = new FileSync(fd, path);
            ImageLock.take(fd, path, number, false).refuseOthers("");
            if (identity().equals(base.backend.identity())) {
                throw new IOException("it is the disk's own storage");
            }
            measure();
            Pieces pieces = load(Label.ownerOf(base.backend.identity(), base.backend.stamp(), capacity));
            writeLabel(new Label(false, piece, places, Label.ownerOf(null, null, 0), 0));
            return pieces;
        } catch (IOException | RuntimeException | Error e) {
            release();
            throw e;
        }
    }

    private static int openAlone(String path) throws IOException {
        int alone = Unix.open(path, Unix.O_RDONLY | Unix.O_CLOEXEC | Unix.O_EXCL);
        if (alone < 0) {
            throw failure();
        }
        return alone;
    }

    /** Whatever the path leads to by now. */
    private String opened() {
        return "/proc/self/fd/" + fd;
    }

    @Override
    public void claim() throws IOException {
        if (alone < 0) {
            alone = openAlone(opened());
        }
    }

    @Override
    public void release() {
        if (alone >= 0) {
            Unix.close(alone);
            alone = -1;
        }
    }

    private String identity() throws IOException {
        return "file " + Files.getAttribute(Path.of(opened()), "unix:rdev");
    }

    private void measure() throws IOException {
        long size = Unix.lseek(fd, 0, Unix.SEEK_END);
        if (size < 0) {
            throw failure();
        }
        places = (int) Math.min((size - Label.SIZE) / (piece + Long.BYTES), Integer.MAX_VALUE / 2);
        while (places > 0 && startOf(places) + (long) places * piece > size) {
            places--;
        }
        if (places < CachePlace.LEAST_PIECES) {
            throw new IOException("it has no room for " + CachePlace.LEAST_PIECES + " pieces of " + (piece >> 10) + " KiB");
        }
        start = startOf(places);
    }

    private long startOf(int number) {
        long unit = Math.max(piece, Label.SIZE);
        return (Label.SIZE + tableSize(number) + unit - 1) / unit * unit;
    }

    private static long tableSize(int number) {
        return ((long) number * Long.BYTES + Label.SIZE - 1) / Label.SIZE * Label.SIZE;
    }

    /** What it holds: nothing, unless these are the bytes of this owner. */
    private Pieces load(byte[] owner) throws IOException {
        Label label;
        try (Memory memory = Memory.map(CLEAR)) {
            move(false, 0, memory.address(), CLEAR);
            label = Label.decode(memory.buffer());
            for (int i = 0; label == null && i < CLEAR; i += Long.BYTES) {
                if (memory.getLong(i) != 0) {
                    throw new IOException("it holds something; if that is not needed, clear it with 'blkdiscard -z -l " + CLEAR
                            + " " + path + "'");
                }
            }
        }
        var pieces = new Pieces(places);
        if (label != null && label.isOf(owner, piece, places)) {
            try (Memory table = Memory.map(tableSize(places))) {
                move(false, Label.SIZE, table.address(), table.size());
                if (Label.sum(table) == label.tableSum()) {
                    pieces.load(place -> table.getLong((long) place * Long.BYTES) - 1);
                }
            }
        }
        return pieces;
    }

    private void writeLabel(Label label) throws IOException {
        try (Memory memory = Memory.map(Label.SIZE)) {
            label.encode(memory.buffer());
            move(true, 0, memory.address(), Label.SIZE);
        }
        sync.run();
    }

    @Override
    public void write(int place, int offset, long address, int length) throws IOException {
        move(true, start + (long) place * piece + offset, address, length);
    }

    @Override
    public void read(int place, int offset, long address, int length) throws IOException {
        move(false, start + (long) place * piece + offset, address, length);
    }

    private void move(boolean out, long offset, long address, long length) throws IOException {
        for (long done = 0; done < length;) {
            long n = out ? Unix.pwrite(fd, address + done, length - done, offset + done)
                    : Unix.pread(fd, address + done, length - done, offset + done);
            if (n == 0) {
                throw new IOException("it ends too early");
            }
            if (n < 0 && Unix.errno() != Unix.EINTR) {
                throw failure();
            }
            done += Math.max(0, n);
        }
    }

    @Override
    public void map(Mapper mapper, long offset, int place) throws IOException {
        release();
        try {
            mapper.map(offset, piece, opened(), start + (long) place * piece, false);
        } catch (IOException e) {
            throw new IOException(e.getMessage().replace(opened(), path), e);
        }
    }

    @Override
    public void keep(Pieces pieces, Base base) throws IOException {
        if (base.backend.identity() == null || base.backend.stamp() == null) {
            return;
        }
        base.flush();
        byte[] owner = Label.ownerOf(base.backend.identity(), base.backend.stamp(), capacity);
        try (Memory table = Memory.map(tableSize(places))) {
            for (int place = 0; place < places; place++) {
                table.putLong((long) place * Long.BYTES, pieces.pieceAt(place) + 1);
            }
            move(true, Label.SIZE, table.address(), table.size());
            sync.run();
            writeLabel(new Label(true, piece, places, owner, Label.sum(table)));
        }
    }

    @Override
    public void close() {
        release();
        if (fd >= 0) {
            Unix.close(fd);
        }
    }

    private static IOException failure() {
        return new IOException(Unix.strerror(Unix.errno()));
    }
}
