// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** An NBD server in this process, which keeps to the protocol except where a test has it do something else. */
final class FakeNbdServer implements AutoCloseable {
    static final int FLUSH = 4;
    static final int FUA = 8;
    static final int TRIM = 32;
    static final int ZEROES = 64;
    static final int MULTI_CONN = 256;

    static final int GO = 7;
    static final int STRUCTURED = 8;
    static final int ACK = 1;
    static final int INFO = 3;
    static final int UNSUPPORTED = 1 << 31 | 1;

    static final int READ = 0;
    static final int WRITE = 1;
    static final int FLUSH_COMMAND = 3;

    /** A command; the data of a write is still to be read. */
    record Command(int flags, int type, long cookie, long offset, int length) {}

    /** What a server does with a command; true if it was answered, and is not to be answered as usual. */
    interface Answer {
        boolean give(Session session, Command command) throws Exception;
    }

    /** What a server does with an option; true if it was answered. */
    interface Choice {
        boolean give(Session session, int option) throws Exception;
    }

    final byte[] bytes;
    final List<Command> commands = Collections.synchronizedList(new ArrayList<>());
    final List<Session> sessions = Collections.synchronizedList(new ArrayList<>());
    final String uri;
    volatile long size;
    volatile int flags = 1 | FLUSH | FUA | TRIM | ZEROES;
    volatile boolean noZeroes = true;
    /** Least, preferred and most bytes; none are told if this is empty. */
    volatile int[] blocks = {};
    volatile Answer answer = (session, command) -> false;
    volatile Choice choice = (session, option) -> false;
    private final ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    private volatile boolean closed;

    FakeNbdServer(Path path, int size) throws IOException {
        bytes = new byte[size];
        this.size = size;
        uri = "nbd+unix:///?socket=" + path;
        socket.bind(UnixDomainSocketAddress.of(path));
        start(() -> {
            while (!closed) {
                var session = new Session(socket.accept());
                start(session::run);
            }
        });
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void start(Work work) {
        var thread = new Thread(() -> {
            try {
                work.run();
            } catch (Exception e) {
                // The client has gone, or the test has ended
            }
        }, "fake nbd server");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        closed = true;
        socket.close();
        for (Session session : List.copyOf(sessions)) {
            session.close();
        }
    }

    /** One connection. */
    final class Session {
        final DataInputStream in;
        final DataOutputStream out;
        private final SocketChannel socket;
        private boolean structured;

        Session(SocketChannel socket) {
            this.socket = socket;
            in = new DataInputStream(new BufferedInputStream(Channels.newInputStream(socket), 4096));
            out = new DataOutputStream(Channels.newOutputStream(socket));
            sessions.add(this);
        }

        void close() throws IOException {
            socket.close();
        }

        private void run() throws Exception {
            try (socket) {
                out.writeLong(0x4e42444d41474943L);
                out.writeLong(0x49484156454f5054L);
                out.writeShort(noZeroes ? 3 : 1);
                in.readInt();
                while (negotiate()) {
                    // All is done in the head
                }
                while (true) {
                    command();
                }
            }
        }

        private boolean negotiate() throws Exception {
            in.readLong();
            int option = in.readInt();
            in.readNBytes(in.readInt());
            if (choice.give(this, option)) {
                return true;
            }
            switch (option) {
                case 1 -> {
                    out.writeLong(size);
                    out.writeShort(flags);
                    out.write(new byte[noZeroes ? 0 : 124]);
                    return false;
                }
                case GO -> {
                    reply(option, INFO, ByteBuffer.allocate(12).putShort((short) 0).putLong(size).putShort((short) flags).array());
                    int[] told = blocks;
                    if (told.length > 0) {
                        reply(option, INFO, ByteBuffer.allocate(14).putShort((short) 3).putInt(told[0]).putInt(told[1]).putInt(told[2])
                                .array());
                    }
                    reply(option, ACK);
                    return false;
                }
                case STRUCTURED -> {
                    structured = true;
                    reply(option, ACK);
                }
                default -> reply(option, UNSUPPORTED);
            }
            return true;
        }

        void reply(int option, int type, byte... data) throws IOException {
            var reply = ByteBuffer.allocate(20 + data.length).putLong(0x3e889045565a9L).putInt(option).putInt(type)
                    .putInt(data.length).put(data);
            out.write(reply.array());
        }

        private void command() throws Exception {
            if (in.readInt() != 0x25609513) {
                throw new IllegalStateException("the client does not keep to the protocol");
            }
            var command = new Command(in.readShort(), in.readShort(), in.readLong(), in.readLong(), in.readInt());
            commands.add(command);
            if (answer.give(this, command)) {
                return;
            }
            int start = (int) command.offset;
            switch (command.type) {
                case READ -> {
                    byte[] data = Arrays.copyOfRange(bytes, start, start + command.length);
                    if (structured) {
                        data(command, 1, command.offset, data);
                    } else {
                        simple(command.cookie, 0, data);
                    }
                    return;
                }
                case WRITE -> in.readFully(bytes, start, command.length);
                case 2 -> throw new IOException("the client leaves");
                case 6 -> Arrays.fill(bytes, start, start + command.length, (byte) 0);
                default -> { }
            }
            simple(command.cookie, 0);
        }

        void simple(long cookie, int error, byte... data) throws IOException {
            var reply = ByteBuffer.allocate(16 + data.length).putInt(0x67446698).putInt(error).putLong(cookie).put(data);
            out.write(reply.array());
        }

        void chunk(long cookie, int flags, int type, byte... data) throws IOException {
            var chunk = ByteBuffer.allocate(20 + data.length).putInt(0x668e33ef).putShort((short) flags).putShort((short) type)
                    .putLong(cookie).putInt(data.length).put(data);
            out.write(chunk.array());
        }

        void data(Command command, int flags, long offset, byte[] data) throws IOException {
            chunk(command.cookie, flags, 1, ByteBuffer.allocate(8 + data.length).putLong(offset).put(data).array());
        }

        void hole(Command command, int flags, long offset, int length) throws IOException {
            chunk(command.cookie, flags, 2, ByteBuffer.allocate(12).putLong(offset).putInt(length).array());
        }
    }
}
