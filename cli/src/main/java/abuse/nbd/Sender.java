// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.AsyncRequest;
import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

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
    private final ByteBuffer[] both = new ByteBuffer[2];
    private Memory zeroMemory;
    private ByteBuffer zeros;
    SocketChannel channel;

    Sender(Export export) {
        this.export = export;
    }

    /** Sends on this one from now on. */
    void use(SocketChannel next) {
        channel = next;
        out.clear();
    }

    boolean isEmpty() {
        return out.position() == 0;
    }

    /** Adds the next command of a request. */
    void add(Exchange exchange) throws IOException {
        AsyncRequest request = exchange.request;
        long rest = request.length() - exchange.done;
        int flags = request.fua() && export.has(Protocol.SEND_FUA) ? Protocol.CMD_FLAG_FUA : 0;
        exchange.generation++;
        exchange.received = 0;
        exchange.part = exchange.flushing ? 0 : (int) rest;
        if (exchange.flushing) {
            head(exchange, Protocol.CMD_FLUSH, 0, 0);
            return;
        }
        switch (request.kind()) {
            case FLUSH -> head(exchange, Protocol.CMD_FLUSH, 0, 0);
            // The length is unsigned, and has no other limit
            case DISCARD -> head(exchange, Protocol.CMD_TRIM, flags, request.offset());
            case READ -> {
                exchange.part = (int) Math.min(rest, export.maximum());
                head(exchange, Protocol.CMD_READ, 0, request.offset() + exchange.done);
            }
            case WRITE -> {
                exchange.part = (int) Math.min(rest, export.maximum());
                head(exchange, Protocol.CMD_WRITE, flags, request.offset() + exchange.done);
                int start = (int) exchange.done;
                data(request.data().limit(start + exchange.part).position(start));
            }
            case WRITE_ZEROES -> {
                if (export.has(Protocol.SEND_WRITE_ZEROES)) {
                    head(exchange, Protocol.CMD_WRITE_ZEROES, flags | (request.mayUnmap() ? 0 : Protocol.CMD_FLAG_NO_HOLE),
                            request.offset());
                } else {
                    exchange.part = (int) Math.min(rest, Math.min(export.maximum(), ZEROS));
                    head(exchange, Protocol.CMD_WRITE, flags, request.offset() + exchange.done);
                    data(zeros(exchange.part));
                }
            }
        }
    }

    /** Says that there is nothing more to come. */
    void leave() throws IOException {
        out.clear();
        out.putInt(Protocol.REQUEST_MAGIC).putShort((short) 0).putShort((short) Protocol.CMD_DISC).putLong(0).putLong(0).putInt(0);
        flush();
    }

    /** Writes what has gathered. */
    void flush() throws IOException {
        out.flip();
        while (out.hasRemaining()) {
            channel.write(out);
        }
        out.clear();
    }

    @Override
    public void close() {
        memory.close();
        if (zeroMemory != null) {
            zeroMemory.close();
        }
    }

    private void head(Exchange exchange, int command, int flags, long offset) throws IOException {
        if (out.remaining() < Protocol.REQUEST_SIZE) {
            flush();
        }
        out.putInt(Protocol.REQUEST_MAGIC).putShort((short) flags).putShort((short) command).putLong(exchange.cookie())
                .putLong(offset).putInt(exchange.part);
    }

    private void data(ByteBuffer data) throws IOException {
        if (data.remaining() <= SHORT) {
            if (out.remaining() < data.remaining()) {
                flush();
            }
            out.put(data);
            return;
        }
        both[0] = out.flip();
        both[1] = data;
        while (data.hasRemaining()) {
            channel.write(both);
        }
        out.clear();
    }

    private ByteBuffer zeros(int length) {
        if (zeros == null) {
            zeroMemory = Memory.map(ZEROS);
            zeros = zeroMemory.buffer(0, ZEROS);
        }
        return zeros.clear().limit(length);
    }
}
