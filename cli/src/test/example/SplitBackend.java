// SPDX-License-Identifier: Apache-2.0
import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Geometry;
import abuse.backend.Image;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A disk in pieces: the files that split(1) has made of an image, in the order of their names. */
public final class SplitBackend implements Backend {
    /** split:PREFIX, where the files are PREFIXaa, PREFIXab and so on. */
    public static final class Factory implements BackendFactory {
        @Override
        public String name() {
            return "split";
        }

        @Override
        public String argument() {
            return "PREFIX";
        }

        @Override
        public String help() {
            return "the files that split(1) has made of an image: PREFIXaa, PREFIXab and so on";
        }

        @Override
        public Image look(String prefix) throws IOException {
            try (var backend = new SplitBackend(prefix, true)) {
                return new Image(backend.size(), null);
            }
        }

        @Override
        public Backend open(String prefix, Set<Option> options, Geometry disk) throws IOException {
            return new SplitBackend(prefix, disk.readOnly());
        }
    }

    private record Part(FileChannel file, long start, long end) {}

    private interface Move {
        int make(FileChannel file, ByteBuffer bytes, long place) throws IOException;
    }

    private final Path prefix;
    private final List<Part> parts = new ArrayList<>();
    private long size;

    private SplitBackend(String name, boolean readOnly) throws IOException {
        prefix = Path.of(name).toAbsolutePath();
        try (var files = Files.list(prefix.getParent())) {
            for (Path one : files.filter(file -> file.toString().startsWith(prefix.toString())).sorted().toList()) {
                FileChannel file = FileChannel.open(one, readOnly ? Set.of(StandardOpenOption.READ)
                        : Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE));
                parts.add(new Part(file, size, size += file.size()));
            }
        }
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public String identity() {
        return "split " + prefix;
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        move(offset, into, FileChannel::read);
    }

    @Override
    public void write(long offset, ByteBuffer from) throws IOException {
        move(offset, from, FileChannel::write);
    }

    private void move(long offset, ByteBuffer bytes, Move move) throws IOException {
        int end = bytes.limit();
        for (Part part : parts) {
            while (bytes.position() < end && offset >= part.start && offset < part.end) {
                bytes.limit((int) Math.min(end, bytes.position() + part.end - offset));
                int moved = move.make(part.file, bytes, offset - part.start);
                if (moved < 0) {
                    throw new IOException(prefix + ": a part was cut short");
                }
                offset += moved;
            }
        }
        bytes.limit(end);
    }

    @Override
    public void flush() throws IOException {
        for (Part part : parts) {
            part.file.force(false);
        }
    }

    @Override
    public void close() throws IOException {
        for (Part part : parts) {
            part.file.close();
        }
    }
}
