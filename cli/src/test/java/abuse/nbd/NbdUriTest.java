// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NbdUriTest {
    @TempDir
    private Path directory;

    private static String identity(Path socket) throws IOException {
        return NbdUri.parse("nbd+unix:///?socket=" + socket).identity();
    }

    @Test
    void a_socket_is_the_same_however_it_is_reached() throws Exception {
        Path socket = Files.createFile(directory.toRealPath().resolve("socket"));
        Path here = Path.of("").toAbsolutePath();
        assertEquals(identity(socket), identity(here.relativize(socket)));
        assertEquals(identity(socket), identity(Files.createSymbolicLink(directory.resolve("link"), socket)));
        assertEquals(identity(here.resolve("gone")), identity(Path.of("gone")));
        assertNotEquals(identity(socket), identity(Path.of("socket")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"nbd://localhost:99999/", "nbd://localhost:0/", "nbds://[::1]:65536/disk"})
    void a_port_that_cannot_be_is_refused(String uri) {
        assertEquals(uri + ": a port is a number from 1 to 65535", assertThrows(IOException.class, () -> NbdUri.parse(uri)).getMessage());
    }

    @Test
    void why_a_host_is_none_is_told() {
        assertEquals("nbd://my_host/: names no host, as a host has no _; it is nbd://HOST[:PORT]/[EXPORT]",
                assertThrows(IOException.class, () -> NbdUri.parse("nbd://my_host/")).getMessage());
    }

    @Test
    void an_address_where_nobody_is_does_not_hide_the_next() throws Exception {
        SocketAddress nobody;
        try (var gone = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
            nobody = gone.getLocalSocketAddress();
        }
        NbdUri uri = NbdUri.parse("nbd://localhost/");
        long end = System.nanoTime() + Handshake.LIMIT_NS;
        assertThrows(ConnectException.class, () -> Handshake.with(uri, List.of(nobody, nobody), end, () -> false));
        try (var server = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
            var thread = new Thread(() -> {
                try (var socket = server.accept()) {
                    socket.getOutputStream().write(new byte[18]);
                    socket.getInputStream().read();
                } catch (IOException e) {
                    // The client has gone
                }
            });
            thread.start();
            assertEquals("what answers there is no NBD server", assertThrows(IOException.class,
                    () -> Handshake.with(uri, List.of(nobody, server.getLocalSocketAddress()), end, () -> false)).getMessage());
            thread.join();
        }
    }

    @Test
    void all_addresses_of_a_name_are_known() throws Exception {
        var expected = Arrays.stream(InetAddress.getAllByName("localhost")).map(one -> new InetSocketAddress(one, 10809)).toList();
        assertEquals(expected, NbdUri.parse("nbd://localhost/").addresses());
        assertTrue(NbdUri.parse("nbd://[::1]:7/").addresses().contains(new InetSocketAddress("::1", 7)));
    }
}
