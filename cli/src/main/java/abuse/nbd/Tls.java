// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.libc.Terminal;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLEngineResult.Status;
import javax.net.ssl.SSLException;

/** TLS on a socket. One thread reads while another one writes. */
final class Tls {
    /** Room for some records, so that several share a system call. */
    private static final int SIZE = 128 << 10;
    private static final ByteBuffer[] NOTHING = {ByteBuffer.allocate(0)};

    private final SocketChannel channel;
    private final SSLEngine engine;
    /** The most bytes of a record, sealed and open. */
    private final int packet;
    private final int text;
    /** What came, and is not opened yet. */
    private final ByteBuffer in = ByteBuffer.allocateDirect(SIZE).limit(0);
    /** What is sealed, and not sent yet, up to its position. */
    private final ByteBuffer out = ByteBuffer.allocateDirect(SIZE);
    /** What is open, and not asked for yet. */
    private final ByteBuffer[] open = {ByteBuffer.allocateDirect(SIZE).limit(0)};

    /** How to wait for a channel that does not block. */
    interface Waiter {
        void awaitRead() throws IOException;

        void awaitWrite() throws IOException;
    }

    Tls(SocketChannel channel, SSLEngine engine) {
        this.channel = channel;
        this.engine = engine;
        packet = engine.getSession().getPacketBufferSize();
        text = engine.getSession().getApplicationBufferSize();
    }

    /** Agrees with the server on keys; the channel does not block. */
    void negotiate(Waiter waiter) throws IOException {
        engine.beginHandshake();
        while (true) {
            switch (engine.getHandshakeStatus()) {
                case NEED_WRAP -> {
                    seal(NOTHING);
                    while (!drain()) {
                        waiter.awaitWrite();
                    }
                }
                case NEED_UNWRAP -> {
                    open[0].clear();
                    Status status = unseal(open).getStatus();
                    open[0].flip();
                    if (status == Status.CLOSED) {
                        throw new EOFException("the server closed the connection");
                    }
                    if (status == Status.BUFFER_UNDERFLOW) {
                        int n = fill();
                        if (n < 0) {
                            throw new EOFException("the server closed the connection");
                        }
                        if (n == 0) {
                            waiter.awaitRead();
                        }
                    }
                }
                case NEED_TASK -> runTasks();
                default -> {
                    return;
                }
            }
        }
    }

    /** As {@link Wire#read}. */
    long read(ByteBuffer[] into) throws IOException {
        ByteBuffer left = open[0];
        while (!left.hasRemaining()) {
            if (room(into) >= text) {
                long n = unsealAll(into);
                if (n != 0) {
                    return n;
                }
            } else {
                left.clear();
                long n;
                try {
                    n = unsealAll(open);
                } finally {
                    left.flip();
                }
                if (n < 0) {
                    return n;
                }
                if (n > 0) {
                    continue;
                }
            }
            int n = fill();
            if (n <= 0) {
                return n;
            }
        }
        long moved = 0;
        for (ByteBuffer one : into) {
            int bytes = Math.min(one.remaining(), left.remaining());
            int end = left.limit();
            one.put(left.limit(left.position() + bytes));
            left.limit(end);
            moved += bytes;
        }
        return moved;
    }

    /** As {@link Wire#write}. */
    boolean write(ByteBuffer[] from) throws IOException {
        while (room(from) > 0) {
            if (!drainFor(packet)) {
                return false;
            }
            SSLEngineResult result = seal(from);
            if (result.getStatus() == Status.CLOSED) {
                throw new ClosedChannelException();
            }
            checkProgress(result);
        }
        return drain();
    }

    void leave() throws IOException {
        engine.closeOutbound();
        if (drainFor(packet)) {
            seal(NOTHING);
            drain();
        }
    }

    /** Opens records as long as there are whole ones, and room; the bytes, or -1 at the end. */
    private long unsealAll(ByteBuffer[] into) throws IOException {
        long bytes = 0;
        while (in.hasRemaining() && room(into) >= text) {
            SSLEngineResult result = unseal(into);
            bytes += result.bytesProduced();
            if (result.getStatus() == Status.CLOSED) {
                return bytes > 0 ? bytes : -1;
            }
            if (result.getStatus() == Status.BUFFER_UNDERFLOW) {
                break;
            }
            checkProgress(result);
        }
        return bytes;
    }

    /** A server could otherwise have us try for ever, by negotiating anew. */
    private static void checkProgress(SSLEngineResult result) throws IOException {
        if (result.bytesConsumed() == 0 && result.bytesProduced() == 0 && result.getHandshakeStatus() != HandshakeStatus.NEED_TASK) {
            throw new IOException(Protocol.BROKEN);
        }
    }

    private SSLEngineResult unseal(ByteBuffer[] into) throws IOException {
        SSLEngineResult result;
        try {
            result = engine.unwrap(in, into, 0, into.length);
        } catch (SSLException e) {
            throw new IOException("TLS: " + words(e), e);
        }
        if (result.getHandshakeStatus() == HandshakeStatus.NEED_TASK) {
            runTasks();
        }
        return result;
    }

    private SSLEngineResult seal(ByteBuffer[] from) throws IOException {
        SSLEngineResult result;
        try {
            result = engine.wrap(from, 0, from.length, out);
        } catch (SSLException e) {
            throw new IOException("TLS: " + words(e), e);
        }
        if (result.getHandshakeStatus() == HandshakeStatus.NEED_TASK) {
            runTasks();
        }
        return result;
    }

    private void runTasks() {
        for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }

    private int fill() throws IOException {
        in.compact();
        try {
            return channel.read(in);
        } finally {
            in.flip();
        }
    }

    /** Sends what is sealed if there is no room for so many bytes more. */
    private boolean drainFor(int bytes) throws IOException {
        return out.remaining() >= bytes || drain();
    }

    private boolean drain() throws IOException {
        out.flip();
        try {
            while (out.hasRemaining()) {
                if (channel.write(out) == 0) {
                    return false;
                }
            }
            return true;
        } finally {
            out.compact();
        }
    }

    /** Why something failed, which the first of its causes says best, and what to do. */
    static String words(Throwable failure) {
        Throwable first = failure;
        while (first.getCause() != null) {
            first = first.getCause();
        }
        String words = Terminal.printable(first.getMessage() == null ? first.toString() : first.getMessage());
        if (first instanceof CertPathBuilderException) {
            return "nobody whom we trust has signed the server's certificate; ca-cert.pem in the folder that tls-certificates"
                    + " names tells whom to trust";
        }
        if (first instanceof CertificateExpiredException || first instanceof CertificateNotYetValidException) {
            return "the server's certificate is not valid now, " + words;
        }
        return words;
    }

    /** How many bytes remain. */
    static long room(ByteBuffer[] buffers) {
        long bytes = 0;
        for (ByteBuffer one : buffers) {
            bytes += one.remaining();
        }
        return bytes;
    }
}
