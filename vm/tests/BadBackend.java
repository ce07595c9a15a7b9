// SPDX-License-Identifier: Apache-2.0
import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Geometry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Every byte reads as 'g', except for one misbehaviour in each of the first MiB; it blocks until the file that its
 * argument names is there. If that name is "sizeless", it cannot even tell its size.
 */
public final class BadBackend implements Backend, BackendFactory {
    private final AtomicBoolean blocked = new AtomicBoolean();
    private Path end;

    @Override
    public String name() {
        return "bad";
    }

    @Override
    public String argument() {
        return "FILE";
    }

    @Override
    public Backend open(String argument, Set<Option> options, Geometry geometry) {
        var backend = new BadBackend();
        backend.end = Path.of(argument);
        return backend;
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        switch ((int) (offset >> 20)) {
            case 0 -> throw new IllegalStateException("thrown");
            case 1 -> fillTheHeap();
            case 2 -> recurse(0);
            case 3 -> into.position(into.limit() - 1);
            case 4 -> {
                if (!blocked.getAndSet(true)) {
                    block();
                }
            }
            default -> { }
        }
        while ((int) (offset >> 20) != 3 && into.hasRemaining()) {
            into.put((byte) 'g');
        }
    }

    @Override
    public long size() {
        if (end.endsWith("sizeless")) {
            throw new IllegalStateException("no size");
        }
        return -1;
    }

    private static void fillTheHeap() {
        var heap = new ArrayList<byte[]>();
        while (true) {
            heap.add(new byte[1 << 16]);
        }
    }

    private static int recurse(int depth) {
        return recurse(depth + 1) + 1;
    }

    private void block() {
        while (!Files.exists(end)) {
            try {
                Thread.sleep(50);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    @Override
    public void write(long offset, ByteBuffer from) {
        throw new OutOfMemoryError("of its own");
    }

    @Override
    public void flush() {
        throw new AssertionError("never");
    }
}
