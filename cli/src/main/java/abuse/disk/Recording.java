// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import abuse.backend.Backend;
import abuse.backend.Geometry;
import abuse.crash.Tree;
import abuse.filter.Filter;
import abuse.filter.FilteredBackend;
import abuse.filter.Filters;
import abuse.filter.Marked;
import abuse.filter.Settings;
import abuse.libc.Memory;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a disk had at its start, and all that has changed it since, in a temporary folder that is there as long as the disk. */
final class Recording {
    /** Any disk can be asked for so much. */
    private static final int PIECE = 1 << 16;

    /** For a disk that is not closed when the program ends. */
    private final Thread atEnd = new Thread(this::delete, "record end");
    private Path folder;
    private Filter filter;

    /** Puts itself in front of a backend, and closes that if it cannot. */
    Backend open(Backend backend, Geometry geometry) throws IOException {
        FilteredBackend recorded;
        try {
            folder = Files.createTempDirectory("abuse-record");
            Runtime.getRuntime().addShutdownHook(atEnd);
            copy(backend, geometry);
            filter = new Filters().find("record").make(new Settings(Map.of("file", log().toString())));
        } catch (IOException | RuntimeException | Error e) {
            remove();
            backend.close();
            throw e;
        }
        try {
            recorded = new FilteredBackend(backend, List.of(filter), geometry, OutputStream.nullOutputStream());
        } catch (IOException | RuntimeException | Error e) {
            remove();
            throw e;
        }
        return recorded.onClose(this::remove);
    }

    private void copy(Backend backend, Geometry geometry) throws IOException {
        try (FileChannel base = FileChannel.open(base(), StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW); Memory memory = Memory.map(2 * PIECE)) {
            ByteBuffer zeros = memory.buffer(PIECE, PIECE);
            // Whoever opens a backend of another size says so
            long size = backend.size() < 0 ? geometry.capacity() : Math.min(backend.size(), geometry.capacity());
            for (long at = 0; at < size; at += PIECE) {
                int length = (int) Math.min(PIECE, size - at);
                backend.read(at, memory.buffer(0, length));
                ByteBuffer piece = memory.buffer(0, length);
                // The last byte tells how large the disk is
                boolean last = at + length == size;
                if (last || !piece.equals(zeros.slice(0, length))) {
                    for (long to = at; piece.hasRemaining();) {
                        to += base.write(piece, to);
                    }
                }
            }
        }
    }

    /** The content at the start. */
    Path base() {
        return folder.resolve("base");
    }

    Path log() {
        return folder.resolve("log");
    }

    /** For what is to go with the disk, too. */
    Path newFolder() throws IOException {
        return Files.createTempDirectory(folder, "states");
    }

    void mark(String text) throws IOException {
        ((Marked) filter).mark(text);
    }

    /** Throws if something could not be recorded. */
    void checkWhole() throws IOException {
        ((Marked) filter).checkWhole();
    }

    private void remove() {
        if (folder == null) {
            return;
        }
        delete();
        try {
            Runtime.getRuntime().removeShutdownHook(atEnd);
        } catch (IllegalStateException e) {
            // The program is ending already
        }
    }

    private void delete() {
        try {
            Tree.delete(folder, Set.of());
        } catch (IOException e) {
            // A walk that is not over yet has files there, which it takes away itself
        }
    }
}
