// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.AsyncRequest;
import abuse.libc.Memory;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Reads replies, many at once, and brings the data of reads to its place. One thread. */
final class Receiver implements AutoCloseable {
    private static final int SIZE = 256 << 10;
    /** What is longer is read to where it belongs, without a copy. */
    private static final int SHORT = 16 << 10;
    private static final int MOST_MESSAGE = 4096;
    private static final byte[] ZEROS = new byte[4096];

    /** Where replies go. */
    interface Replies {
        /** The exchange that has sent a command; throws if there is none. */
        Exchange find(long cookie) throws IOException;

        /** A command has ended: see {@link Exchange#error}. */
        void end(Exchange exchange) throws IOException;

        /** Nothing more is there to be read for now. */
        void pause();
    }

    private final Replies replies;
    private final Memory memory = Memory.map(SIZE);
    /** What was read and not looked at yet remains. */
    private final ByteBuffer in = memory.buffer(0, SIZE).limit(0);
    private final ByteBuffer[] one = {in};
    private final ByteBuffer[] both = {null, in};
    private Wire wire;

    Receiver(Replies replies) {
        this.replies = replies;
    }

    /** Reads until the connection is lost. */
    void read(Wire from) throws IOException {
        wire = from;
        in.clear().limit(0);
        while (true) {
            need(Integer.BYTES);
            int magic = in.getInt(in.position());
            if (magic == Protocol.SIMPLE_REPLY_MAGIC) {
                simple();
            } else if (magic == Protocol.STRUCTURED_REPLY_MAGIC) {
                structured();
            } else {
                throw new IOException(Protocol.BROKEN);
            }
        }
    }

    @Override
    public void close() {
        memory.close();
    }

    private void simple() throws IOException {
        need(Protocol.SIMPLE_REPLY_SIZE);
        in.getInt();
        int error = in.getInt();
        Exchange exchange = replies.find(in.getLong());
        if (error == 0 && isRead(exchange)) {
            fill(exchange, exchange.done, exchange.part);
        }
        exchange.error = error;
        replies.end(exchange);
    }

    private void structured() throws IOException {
        need(Protocol.STRUCTURED_REPLY_SIZE);
        in.getInt();
        int flags = in.getShort();
        int type = Short.toUnsignedInt(in.getShort());
        Exchange exchange = replies.find(in.getLong());
        int length = in.getInt();
        if (length < 0) {
            throw new IOException(Protocol.BROKEN);
        }
        switch (type) {
            case Protocol.REPLY_NONE -> check(length == 0);
            case Protocol.REPLY_OFFSET_DATA -> {
                check(length > Long.BYTES);
                need(Long.BYTES);
                int bytes = length - Long.BYTES;
                fill(exchange, place(exchange, in.getLong(), bytes), bytes);
            }
            case Protocol.REPLY_OFFSET_HOLE -> {
                check(length == Long.BYTES + Integer.BYTES);
                need(length);
                long offset = in.getLong();
                int bytes = in.getInt();
                zero(exchange.request.data(), place(exchange, offset, bytes), bytes);
                exchange.received += bytes;
            }
            case Protocol.REPLY_ERROR, Protocol.REPLY_ERROR_OFFSET -> error(exchange, length);
            default -> {
                // An error of a kind that later versions know; anything else was not asked for
                check(type >> 15 != 0);
                error(exchange, length);
            }
        }
        if ((flags & Protocol.REPLY_FLAG_DONE) != 0) {
            if (exchange.error == 0 && isRead(exchange)) {
                check(exchange.received == exchange.part);
            }
            replies.end(exchange);
        }
    }

    private void error(Exchange exchange, int length) throws IOException {
        check(length >= 6 && length <= MOST_MESSAGE + 14);
        need(length);
        int error = in.getInt();
        exchange.error = error == 0 ? Integer.MAX_VALUE : error;
        byte[] text = new byte[Math.min(Short.toUnsignedInt(in.getShort()), length - 6)];
        in.get(text);
        exchange.message = Protocol.words(text);
        in.position(in.position() + length - 6 - text.length);
    }

    private static boolean isRead(Exchange exchange) {
        return exchange.request.kind() == AsyncRequest.Kind.READ;
    }

    /**
     * Where data of the present command belongs in its request. Whether all of it comes is only counted, so nothing that was
     * there before is left.
     */
    private long place(Exchange exchange, long offset, int bytes) throws IOException {
        AsyncRequest request = exchange.request;
        check(isRead(exchange));
        long start = offset - request.offset();
        check(bytes > 0 && start >= exchange.done && start <= exchange.done + exchange.part - bytes
                && bytes <= exchange.part - exchange.received);
        if (exchange.received == 0 && bytes < exchange.part) {
            zero(request.data(), exchange.done, exchange.part);
        }
        return start;
    }

    private static void zero(ByteBuffer data, long start, int bytes) {
        data.limit((int) start + bytes).position((int) start);
        while (data.hasRemaining()) {
            data.put(ZEROS, 0, Math.min(data.remaining(), ZEROS.length));
        }
    }

    /** Brings bytes to their place. */
    private void fill(Exchange exchange, long start, int bytes) throws IOException {
        ByteBuffer data = exchange.request.data();
        data.limit((int) start + bytes).position((int) start);
        if (bytes <= SHORT) {
            need(bytes);
        }
        int here = Math.min(in.remaining(), bytes);
        int end = in.limit();
        data.put(in.limit(in.position() + here));
        in.limit(end);
        if (data.hasRemaining()) {
            // All that was there is taken, and what follows goes to its own place in the same call
            replies.pause();
            both[0] = data;
            in.clear();
            while (data.hasRemaining()) {
                checkOpen(wire.read(both));
            }
            in.flip();
        }
        exchange.received += bytes;
    }

    /** Reads until so many bytes are there. */
    private void need(int bytes) throws IOException {
        if (in.remaining() >= bytes) {
            return;
        }
        replies.pause();
        in.compact();
        while (in.position() < bytes) {
            checkOpen(wire.read(one));
        }
        in.flip();
    }

    private static void checkOpen(long read) throws IOException {
        if (read < 0) {
            throw new EOFException("the server closed the connection");
        }
    }

    private static void check(boolean right) throws IOException {
        if (!right) {
            throw new IOException(Protocol.BROKEN);
        }
    }
}
