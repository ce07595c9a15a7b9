// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.AsyncRequest;
import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Encodes commands, and writes many at once; what is long goes to the socket from where it is. One thread at a time. */
final class Sender implements AutoCloseable {
    private static final int SIZE = 128 << 10;
    /** Data up to this length is copied, which is faster than a place of its own in the call. */
    private static final int SHORT = 16 << 10;
    /** For servers that cannot write zeroes. */
    private static final int ZEROS = 1 << 20;

    private final Export export;
    private final Memory memory = Memory.map(SIZE);
    private final ByteBuffer out = memory.buffer(0, SIZE);
    private final ByteBuffer[] one = {out};
    private final ByteBuffer[] both = {out, null};
    /** Null if the server can write zeroes itself. */
    private final Memory zeroMemory;
    private final ByteBuffer zeros;
    private Wire wire;
    private int connection;

    Sender(Export export) {
        this.export = export;
        // Made in advance: a request that is under way must not fail for want of memory
        zeroMemory = export.has(Protocol.SEND_WRITE_ZEROES) ? null : Memory.map(ZEROS);
        zeros = zeroMemory == null ? null : zeroMemory.buffer(0, ZEROS);
    }

    /** Sends on this connection, which has this number, from now on. */
    void use(Wire next, int number) {
        wire = next;
        connection = number;
        out.clear();
    }

    /** Adds the next command of a request. */
    void add(Exchange exchange) throws IOException {
        AsyncRequest request = exchange.request;
        long offset = request.offset() + exchange.done;
        long rest = request.length() - exchange.done;
        int part = (int) Math.min(rest, export.maximum());
        int flags = request.fua() && export.has(Protocol.SEND_FUA) ? Protocol.CMD_FLAG_FUA : 0;
        if (exchange.flushing) {
            head(exchange, Protocol.CMD_FLUSH, 0, 0, 0);
            return;
        }
        switch (request.kind()) {
            case FLUSH -> head(exchange, Protocol.CMD_FLUSH, 0, 0, 0);
            // The length is unsigned, and has no other limit
            case DISCARD -> head(exchange, Protocol.CMD_TRIM, flags, offset, (int) rest);
            case READ -> head(exchange, Protocol.CMD_READ, 0, offset, part);
            case WRITE -> {
                int start = (int) exchange.done;
                exchange.sending = part > SHORT;
                try {
                    head(exchange, Protocol.CMD_WRITE, flags, offset, part);
                    data(request.data().limit(start + part).position(start));
                } finally {
                    exchange.sending = false;
                }
            }
            case WRITE_ZEROES -> {
                if (zeros == null) {
                    head(exchange, Protocol.CMD_WRITE_ZEROES, flags | (request.mayUnmap() ? 0 : Protocol.CMD_FLAG_NO_HOLE),
                            offset, (int) rest);
                } else {
                    part = Math.min(part, ZEROS);
                    head(exchange, Protocol.CMD_WRITE, flags, offset, part);
                    data(zeros.clear().limit(part));
                }
            }
        }
    }

    /** Says that there is nothing more to come. */
    void leave() throws IOException {
        out.clear();
        out.putInt(Protocol.REQUEST_MAGIC).putShort((short) 0).putShort((short) Protocol.CMD_DISC).putLong(0).putLong(0).putInt(0);
        flush();
        wire.leave();
    }

    /** Writes what has gathered. */
    void flush() throws IOException {
        out.flip();
        wire.write(one);
        out.clear();
    }

    @Override
    public void close() {
        memory.close();
        if (zeroMemory != null) {
            zeroMemory.close();
        }
    }

    private void head(Exchange exchange, int command, int flags, long offset, int bytes) throws IOException {
        if (out.remaining() < Protocol.REQUEST_SIZE) {
            flush();
        }
        exchange.sent(bytes, connection);
        out.putInt(Protocol.REQUEST_MAGIC).putShort((short) flags).putShort((short) command).putLong(exchange.cookie())
                .putLong(offset).putInt(bytes);
    }

    private void data(ByteBuffer data) throws IOException {
        if (data.remaining() <= SHORT) {
            if (out.remaining() < data.remaining()) {
                flush();
            }
            out.put(data);
            return;
        }
        out.flip();
        both[1] = data;
        wire.write(both);
        out.clear();
    }
}
