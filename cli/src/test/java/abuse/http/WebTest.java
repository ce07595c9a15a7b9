// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.nio.ByteBuffer;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is asked of a web server before there is a disk, and what its answers mean. */
@Timeout(100)
class WebTest {
    private static final String PART = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-511/4096\r\nContent-Length: 512\r\n\r\n";
    private static final long SHORT_NS = 300_000_000L;
    private static final long LONG_NS = 60_000_000_000L;

    /** What a server sends after a request. */
    private interface Answer {
        void send(OutputStream to) throws Exception;
    }

    /** What a server does after its answer. */
    private interface Then {
        void act(Socket socket) throws Exception;
    }

    private static String head(Socket socket) throws IOException {
        var in = socket.getInputStream();
        String head = "";
        while (!head.endsWith("\r\n\r\n")) {
            int next = in.read();
            if (next < 0) {
                throw new EOFException();
            }
            head += (char) next;
        }
        return head;
    }

    private static Web.Part read(Answer answer, long limit) throws Exception {
        return read(answer, limit, socket -> {});
    }

    private static Web.Part read(Answer answer, long limit, Then then) throws Exception {
        try (var server = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
            var thread = new Thread(() -> {
                try (Socket socket = server.accept()) {
                    head(socket);
                    answer.send(socket.getOutputStream());
                    then.act(socket);
                } catch (Exception e) {
                    // The client has gone
                }
            });
            thread.setDaemon(true);
            thread.start();
            return Web.read(WebFile.parse("http://localhost:" + server.getLocalPort() + "/disk?key=secret"), 0, 512, limit);
        }
    }

    private static String refusal(Answer answer, long limit) {
        return assertThrows(IOException.class, () -> read(answer, limit)).getMessage();
    }

    @Test
    void a_part_comes_with_its_version() throws Exception {
        byte[] bytes = new byte[512];
        bytes[511] = 1;
        Web.Part part = read(to -> {
            to.write(PART.getBytes(ISO_8859_1));
            to.write(bytes);
        }, LONG_NS);
        assertArrayEquals(bytes, part.bytes().array());
        assertEquals(4096, part.version().size());
    }

    @Test
    void nobody_waits_for_ever_for_a_body_that_does_not_come() {
        String refusal = refusal(to -> {
            to.write(PART.getBytes(ISO_8859_1));
            Thread.sleep(LONG_NS);
        }, SHORT_NS);
        assertTrue(refusal.endsWith("/disk: the server does not answer"), refusal);
    }

    @Test
    void nobody_waits_for_ever_for_a_byte_now_and_then() {
        String refusal = refusal(to -> {
            to.write(PART.getBytes(ISO_8859_1));
            while (true) {
                to.write(0);
                Thread.sleep(10);
            }
        }, SHORT_NS);
        assertTrue(refusal.endsWith("/disk: the server does not answer"), refusal);
    }

    @Test
    void a_slow_server_is_waited_for_but_not_for_a_byte_now_and_then() throws Exception {
        var body = new Body(ByteBuffer.allocate(1 << 20));
        body.onSubscribe(new Flow.Subscription() {
            @Override
            public void request(long n) {}

            @Override
            public void cancel() {}
        });
        long start = System.nanoTime();
        assertTrue(body.isStuck(start + Body.STALL_NS, Body.STALL_NS, Body.CRAWL_NS));
        Thread.sleep(1);
        body.onNext(List.of(ByteBuffer.allocate(100)));
        assertFalse(body.isStuck(start + Body.STALL_NS, Body.STALL_NS, Body.CRAWL_NS));
        // As if bytes had come until now
        assertTrue(body.isStuck(start + Body.CRAWL_NS, Long.MAX_VALUE, Body.CRAWL_NS));
        body.onNext(List.of(ByteBuffer.allocate(1 << 14)));
        assertFalse(body.isStuck(start + Body.CRAWL_NS, Long.MAX_VALUE, Body.CRAWL_NS));
    }

    @ParameterizedTest
    @ValueSource(strings = {"HTTP/1.1 2\u001b[31m6 Red\r\n\r\n", "HTTP/1.1 200 OK\r\nServer: Red\u009b31m\r\nContent-Length: 1\r\n\r\n1"})
    void what_a_server_says_cannot_move_the_cursor(String answer) {
        String refusal = refusal(to -> to.write(answer.getBytes(ISO_8859_1)), LONG_NS);
        assertFalse(refusal.matches("(?s).*\\p{Cc}.*"), refusal);
        assertTrue(refusal.contains("31m"), refusal);
    }

    @ParameterizedTest
    @CsvSource({"http://h/, http://H:80/x, true", "http://h:80/, http://h/x, true", "https://h:443/, https://h/, true",
        "http://h:81/, http://h/, false", "https://h/, https://h:80/, false", "http://h/, https://h/, false", "http://h/, http://g/, false"})
    void home_is_a_scheme_a_host_and_a_port(String url, String place, boolean same) throws Exception {
        assertEquals(same, WebFile.parse(url).isAtHome(URI.create(place)));
    }

    private static long retryAfter(String value) {
        return Web.retryAfterMs(HttpHeaders.of(Map.of("Retry-After", List.of(value)), (name, one) -> true));
    }

    @Test
    void a_server_says_when_to_ask_again() {
        assertEquals(5000, retryAfter("5"));
        assertEquals(120_000, retryAfter("120"));
        assertEquals(3_600_000, retryAfter("999999999"));
        String later = ZonedDateTime.now(ZoneOffset.UTC).plusMinutes(30).format(DateTimeFormatter.RFC_1123_DATE_TIME);
        assertTrue(retryAfter(later) > 60_000 && retryAfter(later) <= 1_800_000, later);
        for (String none : List.of("Fri, 27 Nov 2015 10:00:00 GMT", "", "-5", "soon", "99999999999")) {
            assertEquals(0, retryAfter(none), none);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"http:me:secret@host/x", "http:/me:secret@host/x", "http://me:se cret@host/x", "http://me:se?cret@host/x",
        "http://me:se#cret@host/x", "http://me:se/cret@host/x", "http:///me:secret@host/x", "http://me:secret", "http://me:secret#host/x",
        "http://ho st/x?mail=a@b&key=secret", "http://ho st/x?key=secret", "http://host:port/x?key=secret", "http://me:secret@host:port/x",
        "http://me:secret@host:0/x", "http:?secret", "http:secret@"})
    void no_trace_has_a_password(String url) {
        var trace = new StringWriter();
        assertThrows(IOException.class, () -> WebFile.parse(url)).printStackTrace(new PrintWriter(trace));
        assertFalse(trace.toString().contains("secret") || trace.toString().contains("cret@"), trace.toString());
    }

    private static String elsewhere(String location) throws Exception {
        var asked = new String[1];
        try (var server = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
            var thread = new Thread(() -> {
                for (int i = 0; i < 2; i++) {
                    try (Socket socket = server.accept()) {
                        asked[0] = head(socket);
                        socket.getOutputStream().write((i == 0 ? "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: "
                                + location + "\r\n\r\n" : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").getBytes(ISO_8859_1));
                    } catch (IOException e) {
                        // The client has gone
                    }
                }
            });
            thread.start();
            assertThrows(IOException.class, () -> Web.read(WebFile.parse("http://localhost:" + server.getLocalPort() + "/a/disk?key=1"), 0, 512,
                    LONG_NS));
            thread.join();
        }
        return asked[0].replaceFirst("(?s) HTTP.*", "");
    }

    @ParameterizedTest
    @CsvSource({"?token=1, /a/disk?token=1", "other, /a/other", "/other?token=1, /other?token=1", "../b, /b", "., /a/"})
    void where_a_server_sends_us(String location, String asked) throws Exception {
        assertEquals("GET " + asked, elsewhere(location));
    }

    @Test
    void a_connection_is_not_kept_for_long() throws Exception {
        var end = new CompletableFuture<Integer>();
        read(to -> {
            to.write(PART.getBytes(ISO_8859_1));
            to.write(new byte[512]);
        }, LONG_NS, socket -> end.complete(socket.getInputStream().read()));
        assertEquals(-1, end.get());
    }

    @Test
    void of_a_redirect_nothing_is_shown_but_its_host() {
        for (String location : List.of("http://[?key=secret", "http://ho st/?key=secret", "ftp://me:secret@host/")) {
            String answer = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + "\r\n\r\n";
            var trace = new StringWriter();
            assertThrows(IOException.class, () -> read(to -> to.write(answer.getBytes(UTF_8)), LONG_NS)).printStackTrace(new PrintWriter(trace));
            assertFalse(trace.toString().contains("secret"), trace.toString());
        }
    }
}
