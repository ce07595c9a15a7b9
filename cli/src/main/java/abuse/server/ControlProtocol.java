// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What both ends of a control socket agree on. A request is one line of words with tabs between them, in UTF-8. The reply
 * is lines, as {@link ControlReply} has them, after which the server closes the connection. Both ends are the same
 * program, and the words are private to it.
 */
final class ControlProtocol {
    private static final int LONGEST = 1 << 16;

    private ControlProtocol() {}

    static String request(List<String> words) {
        return String.join("\t", words) + "\n";
    }

    static List<String> words(String request) {
        return List.of(request.substring(0, request.length() - 1).split("\t", -1));
    }

    /** Receives one line with its end, or all up to the end. */
    static String receive(SocketChannel channel, long milliseconds, boolean line) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(LONGEST);
        var until = new Patience(milliseconds);
        try (Selector selector = Selector.open()) {
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_READ);
            while (true) {
                int n = channel.read(bytes);
                boolean complete = line && bytes.position() > 0 && bytes.get(bytes.position() - 1) == '\n';
                if (n < 0 && !line || complete) {
                    return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
                }
                if (n < 0 || !bytes.hasRemaining()) {
                    throw new IOException("no complete request or reply, or too long a one");
                }
                until.await(selector);
            }
        }
    }

    static void send(SocketChannel channel, String text, long milliseconds) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        var until = new Patience(milliseconds);
        try (Selector selector = Selector.open()) {
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_WRITE);
            while (true) {
                channel.write(bytes);
                if (!bytes.hasRemaining()) {
                    return;
                }
                until.await(selector);
            }
        }
    }

    /** How long the other end may take. */
    private static final class Patience {
        private final long end;
        private final long milliseconds;

        Patience(long milliseconds) {
            this.milliseconds = milliseconds;
            end = System.nanoTime() + milliseconds * 1_000_000;
        }

        void await(Selector selector) throws IOException {
            long rest = (end - System.nanoTime()) / 1_000_000;
            if (rest <= 0) {
                throw new IOException("no answer for " + milliseconds / 1000 + " seconds");
            }
            selector.select(rest);
            selector.selectedKeys().clear();
        }
    }
}
