// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A disk that is a file on a web server, by the command line. */
class HttpCommandTest extends CommandTestBase {
    private byte[] image = new byte[1 << 20];
    private HttpServer web;
    private String host;

    @BeforeEach
    void startServer() throws IOException {
        new Random(1).nextBytes(image);
        web = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        web.createContext("/", this::answer);
        web.start();
        host = "localhost:" + web.getAddress().getPort();
    }

    @AfterEach
    void endServer() {
        web.stop(0);
    }

    /** Only for those who know the password. */
    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (!"Basic bWU6c2VjcmV0".equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
                exchange.sendResponseHeaders(401, -1);
                return;
            }
            String[] ends = exchange.getRequestHeaders().getFirst("Range").substring("bytes=".length()).split("-");
            int first = Integer.parseInt(ends[0]);
            byte[] part = Arrays.copyOfRange(image, first, Math.min(Integer.parseInt(ends[1]) + 1, image.length));
            exchange.getResponseHeaders().set("Content-Range", "bytes " + first + "-" + (first + part.length - 1) + "/" + image.length);
            exchange.sendResponseHeaders(206, part.length);
            exchange.getResponseBody().write(part);
        }
    }

    private String url() {
        return "http://me:secret@" + host + "/disk?key=secret";
    }

    private String shown() {
        return "http://" + host + "/disk";
    }

    @Test
    void run_takes_size_and_access_from_the_server_and_nobody_sees_the_password() throws Exception {
        var disk = devices.add(0);
        var server = start("run", url()).awaitReady();
        try (var device = devices.open("/dev/abctl0")) {
            assertEquals(image.length, device.status().capacity());
            assertTrue(device.status().flags().contains(Flag.READ_ONLY));
        }
        assertArrayEquals(Arrays.copyOf(image, 8192), disk.read(0, 8192).await().data());
        var servers = run("servers");
        assertTrue(servers.out().contains(shown()), servers.out());
        web.stop(0);
        disk.read(4096, 4096);
        while (!server.err().contains("; requests wait until it is better")) {
            Thread.sleep(5);
        }
        disk.reset();
        server.end();
        assertFalse((server.out() + server.err() + servers.out()).contains("secret"), server.err());
    }

    @Test
    void what_only_looks_like_a_URL_is_not_shown_either() throws Exception {
        devices.add(0).setUp(image.length, Flag.READ_ONLY);
        var list = directory.resolve("list");
        for (String word : new String[] {"HTTP://me:secret@" + host + "/disk", "htpp:me:secret@host", "htpps://host/disk?key=secret"}) {
            var server = run("server", "0", word);
            Files.writeString(list, "0 " + word + "\n");
            var all = run("server", "--all", list.toString());
            Files.writeString(list, word + "\n");
            var swapped = run("server", "--all", list.toString());
            Files.writeString(list, "0 null " + word + "\n");
            var late = run("server", "--all", list.toString());
            for (var one : List.of(server, all, swapped, late)) {
                assertEquals(2, one.exitCode());
                assertTrue(one.err().contains(":...'") && !one.err().contains("secret"), one.err());
            }
        }
    }

    @Test
    void many_disks_keep_passwords_to_themselves_too() throws Exception {
        var disk = devices.add(0).setUp(image.length, Flag.READ_ONLY);
        var list = Files.writeString(directory.resolve("list"), "0 " + url() + "\n");
        var server = start("server", "--all", list.toString()).awaitReady();
        assertArrayEquals(Arrays.copyOf(image, 8192), disk.read(0, 8192).await().data());
        server.signal();
        assertEquals(0, server.end().exitCode());
        assertEquals("abusectl: /dev/abctl0: serving 1 MiB from " + shown() + " on /dev/abuse0, 1 queue\n", server.out());
        assertEquals("", server.err());
    }

    @Test
    void what_does_not_fit_is_told() throws Exception {
        devices.add(0).setUp(image.length);
        assertEquals(shown() + ": is read-only; set up with ro", fail("server", "0", url()));
        devices.add(1).setUp(2 * image.length, Flag.READ_ONLY);
        assertEquals(shown() + ": holds 1 MiB (1048576 bytes), but /dev/abctl1 has 2 MiB (2097152 bytes); 'abusectl setup /dev/abctl1"
                + " sz=1048576' makes a disk of that size, after 'abusectl reset /dev/abctl1'", fail("server", "1", url()));
        image = new byte[1000];
        assertEquals(shown() + ": 1000 bytes are not a multiple of the block size, 512; 'truncate -s %512 FILE' at its server rounds the size up",
                fail("run", url()));
        assertEquals("http://" + host + "/disk: the server answers 401 Unauthorized; a user and a password are written before the host, as in"
                + " USER:PASSWORD@HOST", fail("run", "http://me:other@" + host + "/disk"));
    }
}
