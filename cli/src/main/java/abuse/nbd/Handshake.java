// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Unix;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import javax.net.ssl.SSLException;
import jdk.net.ExtendedSocketOptions;

/** Connects to a server, and agrees with it on what follows: the fixed newstyle negotiation. */
final class Handshake implements Tls.Waiter {
    /** How long it may take when there is no reason for less. */
    static final long LIMIT_NS = 30_000_000_000L;
    /** How often it looks whether it is still wanted. */
    private static final int LOOK_MS = 50;
    private static final int MOST_REPLY = 1 << 16;
    // A peer that is gone without a word is found within half a minute if nothing is under way
    private static final int KEEPALIVE_IDLE_S = 10;
    private static final int KEEPALIVE_INTERVAL_S = 5;
    private static final int KEEPALIVE_PROBES = 4;

    /** What it leads to. */
    record Result(Wire wire, Export export) {}

    private final NbdUri uri;
    private final SocketAddress address;
    private final SocketChannel channel;
    private Wire wire;
    private final BooleanSupplier unwanted;
    private final long end;
    private final Selector selector;

    private Handshake(NbdUri uri, SocketAddress address, SocketChannel channel, Selector selector, long end, BooleanSupplier unwanted) {
        this.uri = uri;
        this.address = address;
        this.channel = channel;
        wire = new Wire(channel);
        this.selector = selector;
        this.unwanted = unwanted;
        this.end = end;
    }

    /**
     * Connects, to the first address where that is possible.
     *
     * @param limit nanoseconds that it may take
     * @param unwanted looked at from time to time: whether to give up
     * @return an open connection that blocks, and the export
     * @throws IOException when that fails; the message says why, and not where
     */
    static Result with(NbdUri uri, long limit, BooleanSupplier unwanted) throws IOException {
        long end = System.nanoTime() + limit;
        return with(uri, lookUp(uri, end, unwanted), end, unwanted);
    }

    static Result with(NbdUri uri, List<SocketAddress> addresses, long end, BooleanSupplier unwanted) throws IOException {
        IOException first = null;
        for (int i = 0; i < addresses.size(); i++) {
            long now = System.nanoTime();
            try {
                return with(uri, addresses.get(i), now + (end - now) / (addresses.size() - i), unwanted);
            } catch (SocketException | SocketTimeoutException e) {
                first = first == null ? e : first;
            }
        }
        throw first;
    }

    /** Where it may be. A thread that can be left behind asks, as nothing else ends a look-up that takes long. */
    private static List<SocketAddress> lookUp(NbdUri uri, long end, BooleanSupplier unwanted) throws IOException {
        if (uri.isUnix()) {
            return uri.addresses();
        }
        var found = new FutureTask<>(uri::addresses);
        var thread = new Thread(found, "nbd look-up");
        thread.setDaemon(true);
        thread.start();
        while (true) {
            try {
                return found.get(LOOK_MS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                checkTime(end, unwanted);
            } catch (ExecutionException e) {
                throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new ClosedByInterruptException();
            }
        }
    }

    @SuppressWarnings("resource") // what is returned is open
    private static Result with(NbdUri uri, SocketAddress address, long end, BooleanSupplier unwanted) throws IOException {
        SocketChannel channel = uri.isUnix() ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
        try {
            Result result;
            try (var selector = Selector.open()) {
                var handshake = new Handshake(uri, address, channel, selector, end, unwanted);
                handshake.connect();
                Export export = handshake.negotiate();
                result = new Result(handshake.wire, export);
            }
            channel.configureBlocking(true);
            return result;
        } catch (IOException | RuntimeException | Error e) {
            channel.close();
            throw e;
        }
    }

    private void connect() throws IOException {
        channel.configureBlocking(false);
        channel.register(selector, 0);
        if (uri.isUnix()) {
            connectUnix();
            return;
        }
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        channel.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
        channel.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, KEEPALIVE_INTERVAL_S);
        channel.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, KEEPALIVE_PROBES);
        if (!channel.connect(address)) {
            while (!channel.finishConnect()) {
                await(SelectionKey.OP_CONNECT);
            }
        }
    }

    /** When too many wait to be let in, the kernel would have one more wait without a limit. */
    private void connectUnix() throws IOException {
        boolean connected;
        try {
            connected = channel.connect(address);
        } catch (SocketException e) {
            if (!Unix.strerror(Unix.EAGAIN).equals(e.getMessage())) {
                throw e;
            }
            connected = false;
        }
        if (!connected) {
            throw new SocketTimeoutException("the server takes no new connections");
        }
    }

    private Export negotiate() throws IOException {
        ByteBuffer hello = read(18);
        if (hello.getLong() != Protocol.NBDMAGIC) {
            throw new IOException("what answers there is no NBD server");
        }
        if (hello.getLong() != Protocol.IHAVEOPT) {
            throw new IOException("the server speaks only the old NBD protocol, which is not supported");
        }
        int flags = hello.getShort();
        if ((flags & Protocol.FLAG_FIXED_NEWSTYLE) == 0) {
            throw new IOException("the server does not speak the fixed newstyle NBD protocol");
        }
        write(ByteBuffer.allocate(4).putInt(flags & (Protocol.FLAG_FIXED_NEWSTYLE | Protocol.FLAG_NO_ZEROES)));
        if (uri.certificates() != null) {
            startTls();
        }
        try {
            askForStructuredReplies();
        } catch (SocketTimeoutException e) {
            throw e;
        } catch (IOException e) {
            throw uri.certificates() == null || e.getCause() instanceof SSLException ? e
                    : new IOException("the server closes the connection when TLS has begun; " + uri.certificates().advice(), e);
        }
        Export export = go();
        return export != null ? export : byName((flags & Protocol.FLAG_NO_ZEROES) != 0);
    }

    private void askForStructuredReplies() throws IOException {
        write(option(Protocol.OPT_STRUCTURED_REPLY, ByteBuffer.allocate(0)));
        for (Reply reply = reply(Protocol.OPT_STRUCTURED_REPLY); reply.type > 0 && reply.type != Protocol.REP_ACK;) {
            reply = reply(Protocol.OPT_STRUCTURED_REPLY);
        }
    }

    /** From here on nobody else can read or change anything. */
    private void startTls() throws IOException {
        write(option(Protocol.OPT_STARTTLS, ByteBuffer.allocate(0)));
        if (reply(Protocol.OPT_STARTTLS).type != Protocol.REP_ACK) {
            throw new IOException("the server has no TLS; without it, the name begins with nbd");
        }
        var tls = new Tls(channel, uri.certificates().engine());
        tls.negotiate(this);
        wire = new Wire(channel, tls);
    }

    /** The export by NBD_OPT_GO; null if the server does not know that. */
    private Export go() throws IOException {
        byte[] name = uri.export().getBytes(UTF_8);
        write(option(Protocol.OPT_GO, ByteBuffer.allocate(4 + name.length + 4).putInt(name.length).put(name)
                .putShort((short) 1).putShort((short) Protocol.INFO_BLOCK_SIZE)));
        long size = -1;
        int flags = 0;
        int minimum = 1;
        int maximum = Protocol.DEFAULT_MAXIMUM;
        while (true) {
            Reply reply = reply(Protocol.OPT_GO);
            if (reply.type == Protocol.REP_ERR_UNSUP) {
                return null;
            }
            if (reply.type < 0) {
                throw new IOException(refusal(reply));
            }
            if (reply.type == Protocol.REP_ACK) {
                if (size < 0) {
                    throw new IOException("the server does not say how large the export is");
                }
                return export(size, flags, minimum, maximum);
            }
            if (reply.type == Protocol.REP_INFO) {
                check(reply.data.remaining() >= Short.BYTES);
                int information = reply.data.getShort();
                if (information == Protocol.INFO_EXPORT) {
                    check(reply.data.remaining() == Long.BYTES + Short.BYTES);
                    size = reply.data.getLong();
                    flags = reply.data.getShort();
                } else if (information == Protocol.INFO_BLOCK_SIZE) {
                    check(reply.data.remaining() == 3 * Integer.BYTES);
                    minimum = reply.data.getInt();
                    reply.data.getInt();
                    maximum = reply.data.getInt();
                }
            }
        }
    }

    private Export byName(boolean noZeroes) throws IOException {
        byte[] name = uri.export().getBytes(UTF_8);
        write(option(Protocol.OPT_EXPORT_NAME, ByteBuffer.allocate(name.length).put(name)));
        try {
            ByteBuffer answer = read(10);
            long size = answer.getLong();
            int flags = answer.getShort();
            if (!noZeroes) {
                read(124);
            }
            return export(size, flags, 1, Protocol.DEFAULT_MAXIMUM);
        } catch (EOFException e) {
            throw new IOException(noExport(), e);
        }
    }

    private static Export export(long size, int flags, int minimum, int maximum) throws IOException {
        // Unsigned, and all ones for no maximum
        int most = maximum < 0 || maximum > Protocol.DEFAULT_MAXIMUM ? Protocol.DEFAULT_MAXIMUM : maximum;
        if (size < 0 || Integer.bitCount(minimum) != 1 || minimum < 1 || most < minimum) {
            throw new IOException("the server has an export of " + Long.toUnsignedString(size) + " bytes with blocks of "
                    + Integer.toUnsignedString(minimum) + " to " + Integer.toUnsignedString(maximum));
        }
        return new Export(size, flags, minimum, most / minimum * minimum);
    }

    private String refusal(Reply reply) {
        byte[] text = new byte[reply.data.remaining()];
        reply.data.get(text);
        String words = Protocol.words(text);
        return switch (reply.type) {
            case Protocol.REP_ERR_UNKNOWN -> noExport();
            case Protocol.REP_ERR_TLS_REQD -> "the server demands TLS, so the name begins with nbds";
            case Protocol.REP_ERR_POLICY -> "the server does not allow that" + (words.isEmpty() ? "" : ": " + words);
            case Protocol.REP_ERR_SHUTDOWN -> "the server is shutting down";
            default -> "the server refuses: " + (words.isEmpty() ? "error " + (reply.type & ~(1 << 31)) : words);
        };
    }

    private String noExport() {
        return "the server has no export named '" + uri.export() + "'; 'nbdinfo --list' shows those it has";
    }

    private static ByteBuffer option(int option, ByteBuffer data) {
        return ByteBuffer.allocate(16 + data.capacity()).putLong(Protocol.IHAVEOPT).putInt(option).putInt(data.capacity())
                .put(data.flip().limit(data.capacity()));
    }

    private record Reply(int type, ByteBuffer data) {}

    private Reply reply(int option) throws IOException {
        ByteBuffer head = read(20);
        check(head.getLong() == Protocol.OPTION_REPLY_MAGIC && head.getInt() == option);
        int type = head.getInt();
        int length = head.getInt();
        check(length >= 0 && length <= MOST_REPLY);
        return new Reply(type, read(length));
    }

    private static void check(boolean right) throws IOException {
        if (!right) {
            throw new IOException(Protocol.BROKEN);
        }
    }

    private ByteBuffer read(int bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(bytes);
        ByteBuffer[] into = {buffer};
        // A server may always have a little more to say
        checkTime();
        while (buffer.hasRemaining()) {
            long n = wire.read(into);
            if (n < 0) {
                throw new EOFException("the server closed the connection");
            }
            if (n == 0) {
                awaitRead();
            }
        }
        return buffer.flip();
    }

    private void write(ByteBuffer buffer) throws IOException {
        ByteBuffer[] from = {buffer.position(0).limit(buffer.capacity())};
        while (!wire.write(from)) {
            awaitWrite();
        }
    }

    @Override
    public void awaitRead() throws IOException {
        await(SelectionKey.OP_READ);
    }

    @Override
    public void awaitWrite() throws IOException {
        await(SelectionKey.OP_WRITE);
    }

    private void await(int operation) throws IOException {
        channel.keyFor(selector).interestOps(operation);
        while (selector.select(LOOK_MS) == 0) {
            checkTime();
        }
        selector.selectedKeys().clear();
        checkTime();
    }

    private void checkTime() throws SocketTimeoutException {
        checkTime(end, unwanted);
    }

    private static void checkTime(long end, BooleanSupplier unwanted) throws SocketTimeoutException {
        if (System.nanoTime() - end >= 0 || unwanted.getAsBoolean()) {
            throw new SocketTimeoutException("the server does not answer");
        }
    }
}
