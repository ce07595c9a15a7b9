// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/** Remembers a checksum of each block that passes, and compares each read with it. */
final class CheckFilter extends Filter {
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
                    + " any content. It takes 16 bytes of memory for each block that was read or"
                    + " written; once there is no more, which it reports once, further blocks pass unchecked.";
        }

        @Override
        public List<Key> keys() {
            return List.of(new Key("fail", Key.Kind.SWITCH, "off", "a read that differs fails with EIO"), Journal.FILE);
        }

        @Override
        public Filter make(Settings settings) throws IOException {
            Selection.refuseWithout(settings, "check", "read");
            return new CheckFilter(settings);
        }
    }

    private final boolean fails;
    private final Journal journal;
    private final CRC32C crc = new CRC32C();
    private int blockSize;
    private BlockSums blocks;
    private Consumer<String> administrator;
    private boolean told;

    private CheckFilter(Settings settings) throws IOException {
        super(settings);
        fails = settings.isOn("fail");
        journal = new Journal(settings);
    }

    @Override
    protected void open(Surroundings surroundings) throws IOException {
        journal.open(surroundings);
        administrator = surroundings.administrator();
        blockSize = surroundings.geometry().blockSize();
        blocks = new BlockSums(sum(ByteBuffer.allocate(blockSize), 0));
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
                request.note(selection().picks(request) ? blocks.now() : NOT_PICKED);
            } else {
                begin(request);
                tellIfFull();
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
        tellIfFull();
    }

    private void tellIfFull() {
        if (blocks.isFull() && !told) {
            told = true;
            administrator.accept("check: there is no memory for the checksums of more blocks, which pass unchecked; give the server a larger"
                    + " heap, as with ABUSECTL_JAVA_OPTS=-Xmx512m");
        }
    }

    private void begin(FilteredRequest request) {
        long block = request.offset() / blockSize;
        long count = request.length() / blockSize;
        if (request.kind() != Kind.WRITE) {
            request.note(blocks.beginSweep(block, block + count));
            return;
        }
        request.note(blocks.begin(block, block + count));
        for (long i = 0; i < count; i++) {
            blocks.put(block + i, request.note(), sum(request.data(), i));
        }
    }

    private void end(FilteredRequest request) {
        long block = request.offset() / blockSize;
        long end = block + request.length() / blockSize;
        boolean well = request.failure() == null;
        if (request.kind() == Kind.WRITE) {
            blocks.end(block, end, request.note(), well);
        } else {
            blocks.endSweep(block, end, request.note(), well && request.kind() == Kind.WRITE_ZEROES);
        }
    }

    /** Whether a read has what is known; what is not known yet is so from now on. */
    private boolean compare(FilteredRequest request) {
        boolean same = true;
        long block = request.offset() / blockSize;
        for (long i = 0; i < request.length() / blockSize; i++) {
            if (!blocks.agrees(block + i, request.note(), sum(request.data(), i))) {
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

    /** One that takes its place has its memory. */
    @Override
    protected void leave() {
        synchronized (this) {
            blocks.close();
        }
    }

    @Override
    public void close() throws IOException {
        if (blocks != null) {
            blocks.close();
        }
        journal.close();
        super.close();
    }
}
