// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.backend.Geometry;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is known of a file on a web server, or wrong with it, before its disk is served. */
class HttpLookTest {
    private static final long CAPACITY = 1 << 20;
    private static final Geometry GEOMETRY = new Geometry(0, CAPACITY, 4096, 1 << 20, true);

    private final byte[] image = new byte[(int) CAPACITY];
    private FakeWebServer web;

    @BeforeEach
    void startServer() throws Exception {
        new Random(1).nextBytes(image);
        web = new FakeWebServer(image);
    }

    @AfterEach
    void endServer() {
        web.close();
    }

    private static String refusal(String url) {
        return assertThrows(IOException.class, () -> new Backends().open(url, Set.of(), GEOMETRY).close()).getMessage();
    }

    @Test
    void it_tells_how_large_it_is_and_that_it_is_read_only() throws Exception {
        var found = new Backends().look(web.url());
        assertEquals(CAPACITY, found.size());
        assertTrue(found.readOnly());
        assertEquals(web.url() + ": is read-only; set up with ro", assertThrows(IOException.class, () -> new Backends().open(web.url(),
                Set.of(), new Geometry(0, CAPACITY, 4096, 1 << 20, false))).getMessage());
        try (var one = new Backends().open(web.url(), Set.of(), GEOMETRY); var two = new Backends().open(web.url(), Set.of(), GEOMETRY)) {
            assertEquals(one.identity(), two.identity());
            web.tag = "\"2\"";
            try (var other = new Backends().open(web.url(), Set.of(), GEOMETRY)) {
                assertNotEquals(one.identity(), other.identity());
            }
        }
    }

    @Test
    void a_server_is_asked_once_before_its_disk_is_served() throws Exception {
        var backends = new Backends();
        assertEquals(CAPACITY, backends.look(web.url()).size());
        backends.look(web.url());
        backends.open(web.url(), Set.of(), GEOMETRY).close();
        assertEquals(1, web.asked.size(), web.asked.toString());
    }

    @Test
    void the_image_tells_its_blocks() throws Exception {
        Arrays.fill(image, 0, 4096, (byte) 0);
        assertNull(new Backends().look(web.url()).format());
        image[1080] = 0x53;
        image[1081] = (byte) 0xef;
        assertEquals("ext4", new Backends().look(web.url()).format().name());
        // The first partition begins in the last sector
        image[1081] = 0;
        image[510] = 0x55;
        image[511] = (byte) 0xaa;
        image[446 + 4] = 1;
        image[446 + 12] = 1;
        int last = (int) CAPACITY / 512 - 1;
        image[446 + 8] = (byte) last;
        image[446 + 9] = (byte) (last >> 8);
        assertEquals(512, new Backends().look(web.url()).format().sectorSize());
    }

    @Test
    void what_a_server_compresses_is_refused() {
        web.answer = exchange -> {
            exchange.getResponseHeaders().set("Content-Encoding", "gzip");
            web.describe(exchange);
            web.part(exchange);
            return true;
        };
        assertEquals(web.url() + ": the server compresses it, and a disk needs its bytes as they are", refusal(web.url()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "file:///etc/passwd | the server sends us to what is not on the web",
        "http://localhost:99999/disk | the server sends us to what is not on the web",
        "http://localhost:0/disk | the server sends us to what is not on the web",
        "' ' | the server sends us to what is not on the web",
        "http://[ | the server sends us to what is no URL",
        "/disk2 | the server answers 404 Not Found",
    })
    void where_it_cannot_be(String location, String words) {
        web.answer = exchange -> exchange.getRequestURI().getPath().equals("/disk") && FakeWebServer.redirect(exchange, location);
        assertEquals(web.url() + ": " + words, refusal(web.url()));
    }

    @Test
    void servers_that_cannot_serve_a_disk_are_refused() throws Exception {
        web.answer = exchange -> {
            exchange.getResponseHeaders().set("Server", "Tiny/1\u0007");
            return FakeWebServer.status(exchange, 200);
        };
        String refusal = refusal(web.url());
        assertTrue(refusal.startsWith(web.url() + ": the server, Tiny/1") && refusal.endsWith(", sends only whole files, and a disk needs"
                + " ranges; nginx and 'busybox httpd' have them"), refusal);
        web.answer = exchange -> false;
        web.bytes = new byte[0];
        assertEquals(web.url() + ": is empty", refusal(web.url()));
        web.answer = exchange -> {
            web.describe(exchange);
            exchange.sendResponseHeaders(206, 1);
            exchange.getResponseBody().write(1);
            return true;
        };
        assertEquals(web.url() + ": the server sends another part than it was asked for", refusal(web.url()));
        web.stop();
        refusal = refusal(web.url());
        assertTrue(refusal.startsWith(web.url() + ": ") && refusal.endsWith("; is a web server running there?"), refusal);
        web.start();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "http://me:secret@ | http:// | : names no host; it is http://HOST[:PORT]/PATH",
        "http:disk | http:disk | : names no host; it is http://HOST[:PORT]/PATH",
        "http:me:secret@host/disk | http:host/disk | : names no host; it is http://HOST[:PORT]/PATH",
        "http://ho st/disk?key=secret | http://ho st/disk | : is not a URL: ",
        "http://localhost:1/disk?key=secret | http://localhost:1/disk | : ",
        "http://me:se/cret@host/disk | http://host/disk | : names no host; it is http://HOST[:PORT]/PATH",
        "http://me:se cret@host/disk | http://host/disk | : is not a URL: ",
        "http://me:secret@localhost:1/a@b?c=d@e | http://... | : ",
        "http://localhost:1/a@b | http://...@b | : ",
        "http://me:1/2@localhost:1/ | http://...@localhost | : ",
        "https://me:secret@localhost:1/ | https://localhost:1/ | : ",
        "http://localhost:99999/ | http://localhost:99999/ | : names no host; it is http://HOST[:PORT]/PATH",
        "http://no-such-host.invalid/ | http://no-such-host.invalid/ | : no such host; is a web server running there?",
    })
    void no_message_has_a_password(String url, String shown, String words) {
        String refusal = refusal(url);
        assertTrue(refusal.startsWith(shown + words), refusal);
        assertEquals(shown, new Backends().shown(url));
    }
}
