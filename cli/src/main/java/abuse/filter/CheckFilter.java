// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/** Remembers a checksum of each block that passes, and compares each read with it. */
final class CheckFilter extends Filter {
    private static final int CHUNK = 1024;
    private static final long NOT_PICKED = -1;

    /** check. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "check";
        }

        @Override
        public String help() {
            return "Compares each block that is read with what was last written or read there, by a checksum, and writes a line when"
                    + " they differ. A block that is being written meanwhile, whose write has failed, or that was discarded may have"
                    + " any content. It takes 16 bytes of memory for each block that was touched.";
        }

        @Override
        public List<Key> keys() {
            return List.of(new Key("fail", Key.Kind.SWITCH, "off", "a read that differs fails with EIO"), Journal.FILE);
        }

        @Override
        public Filter make(Settings settings) throws IOException {
            return new CheckFilter(settings);
        }
    }

    /** What is known of neighbouring blocks. */
    private static final class Chunk {
        final int[] sums = new int[CHUNK];
        /** When something was last begun or ended that changes the block. */
        final long[] changes = new long[CHUNK];
        /** What is under way that changes it. */
        final short[] changing = new short[CHUNK];
        final boolean[] known = new boolean[CHUNK];
    }

    private final boolean fails;
    private final Journal journal;
    private final List<Chunk> chunks = new ArrayList<>();
    private final CRC32C crc = new CRC32C();
    private int blockSize;
    private int zeroes;
    /** Grows with each change. */
    private long clock;

    private CheckFilter(Settings settings) throws IOException {
        super(settings);
        fails = settings.isOn("fail");
        journal = new Journal(settings);
    }

    @Override
    protected void open(Surroundings surroundings) {
        journal.open(surroundings);
        blockSize = surroundings.geometry().blockSize();
        zeroes = sum(ByteBuffer.allocate(blockSize), 0);
    }

    @Override
    protected boolean takes(FilteredRequest request) {
        return request.kind() != Kind.FLUSH;
    }

    @Override
    protected boolean keepsState() {
        return true;
    }

    @Override
    protected void take(FilteredRequest request) {
        synchronized (this) {
            if (request.kind() == Kind.READ) {
                request.note(selection().picks(request) ? clock : NOT_PICKED);
            } else {
                begin(request);
            }
        }
        request.pass();
    }

    @Override
    protected synchronized void answered(FilteredRequest request) {
        if (request.kind() != Kind.READ) {
            end(request);
        } else if (request.failure() == null && request.note() != NOT_PICKED && !compare(request) && fails) {
            request.turn(Failure.IO);
        }
    }

    private void begin(FilteredRequest request) {
        request.note(++clock);
        long block = request.offset() / blockSize;
        for (long i = 0; i < request.length() / blockSize; i++) {
            Chunk chunk = chunk(block + i);
            int at = (int) ((block + i) % CHUNK);
            chunk.known[at] = false;
            chunk.changing[at]++;
            chunk.changes[at] = clock;
            chunk.sums[at] = request.kind() == Kind.WRITE ? sum(request.data(), i) : zeroes;
        }
    }

    private void end(FilteredRequest request) {
        clock++;
        long block = request.offset() / blockSize;
        for (long i = 0; i < request.length() / blockSize; i++) {
            Chunk chunk = chunk(block + i);
            int at = (int) ((block + i) % CHUNK);
            chunk.changing[at]--;
            // If another change began meanwhile, it is not known which of them came last
            chunk.known[at] = request.failure() == null && request.kind() != Kind.DISCARD && chunk.changing[at] == 0
                    && chunk.changes[at] == request.note();
            chunk.changes[at] = clock;
        }
    }

    /** Whether a read has what is known; what is not known yet is so from now on. */
    private boolean compare(FilteredRequest request) {
        boolean same = true;
        long block = request.offset() / blockSize;
        for (long i = 0; i < request.length() / blockSize; i++) {
            Chunk chunk = chunk(block + i);
            int at = (int) ((block + i) % CHUNK);
            if (chunk.changing[at] > 0 || chunk.changes[at] > request.note()) {
                continue;
            }
            int sum = sum(request.data(), i);
            if (!chunk.known[at]) {
                chunk.known[at] = true;
                chunk.sums[at] = sum;
            } else if (chunk.sums[at] != sum) {
                same = false;
                synchronized (journal) {
                    journal.put("check: the block at ").put((block + i) * blockSize).put(" is not what it was").end();
                }
            }
        }
        return same;
    }

    private int sum(ByteBuffer data, long block) {
        crc.reset();
        data.clear().position((int) (block * blockSize)).limit((int) ((block + 1) * blockSize));
        crc.update(data);
        data.position(0);
        return (int) crc.getValue();
    }

    private Chunk chunk(long block) {
        int number = (int) (block / CHUNK);
        while (chunks.size() <= number) {
            chunks.add(null);
        }
        Chunk chunk = chunks.get(number);
        if (chunk == null) {
            chunk = new Chunk();
            chunks.set(number, chunk);
        }
        return chunk;
    }

    @Override
    public void close() throws IOException {
        journal.close();
        super.close();
    }
}
