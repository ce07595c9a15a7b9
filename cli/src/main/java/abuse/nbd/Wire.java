// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** What goes between us and a server: a socket, or TLS on it. One thread reads while another one writes. */
final class Wire implements AutoCloseable {
    final SocketChannel channel;
    /** Null without TLS. */
    private final Tls tls;

    Wire(SocketChannel channel) {
        this(channel, null);
    }

    Wire(SocketChannel channel, Tls tls) {
        this.channel = channel;
        this.tls = tls;
    }

    /** Reads some bytes: -1 at the end, and 0 if the channel does not block and there are none. */
    long read(ByteBuffer[] into) throws IOException {
        return tls != null ? tls.read(into) : into.length == 1 ? channel.read(into[0]) : channel.read(into);
    }

    /** Writes all bytes, or as many as it can if the channel does not block; whether that was all. */
    boolean write(ByteBuffer[] from) throws IOException {
        if (tls != null) {
            return tls.write(from);
        }
        while (Tls.room(from) > 0) {
            if ((from.length == 1 ? channel.write(from[0]) : channel.write(from)) == 0) {
                return false;
            }
        }
        return true;
    }

    /** Says that nothing more will be written. */
    void leave() throws IOException {
        if (tls != null) {
            tls.leave();
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
