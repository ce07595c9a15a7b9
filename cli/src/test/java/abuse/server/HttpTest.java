// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Result;
import abuse.device.SimulatedDisk.Submitted;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A disk that is a file on a web server. */
class HttpTest extends ServerTestBase {
    private final byte[] image = new byte[(int) CAPACITY];
    private final CountDownLatch go = new CountDownLatch(1);
    private FakeWebServer web;

    @BeforeEach
    void startServer() throws Exception {
        new Random(1).nextBytes(image);
        web = new FakeWebServer(image);
        disk.setUp(CAPACITY, Flag.READ_ONLY, Flag.WRITE_CACHE);
    }

    @AfterEach
    void endServer() throws Exception {
        go.countDown();
        for (RunningServer running : servers) {
            running.stop();
        }
        web.close();
    }

    private RunningServer serve() throws Exception {
        return serve(web.url());
    }

    private RunningServer serve(String url) throws Exception {
        return serve(geometry -> new Backends().open(url, Set.of(), geometry));
    }

    /** Sends what calls itself a part of the file, with this length or, if that is 0, none. */
    private boolean sendPart(HttpExchange exchange, String range, long length, byte[] bytes) throws IOException {
        web.describe(exchange);
        exchange.getResponseHeaders().set("Content-Range", "bytes " + range + "/" + CAPACITY);
        exchange.sendResponseHeaders(206, length);
        exchange.getResponseBody().write(bytes);
        return true;
    }

    private byte[] block(int number) {
        return Arrays.copyOfRange(image, number * BLOCK, (number + 1) * BLOCK);
    }

    private void assertReads(int number) throws Exception {
        var answer = disk.read((long) number * BLOCK, BLOCK).await();
        assertFalse(answer.failed());
        assertArrayEquals(block(number), answer.data());
    }

    private void assertFails(Result how, Submitted request) throws Exception {
        assertTrue(request.await().failed());
        assertEquals(how, request.result());
    }

    private static void awaitProblem(RunningServer running, String words) throws InterruptedException {
        while (List.copyOf(running.problems).stream().noneMatch(problem -> problem.contains(words))) {
            Thread.sleep(5);
        }
    }

    @Test
    void it_is_read_with_many_requests_at_once() throws Exception {
        var together = new CountDownLatch(16);
        var running = serve();
        web.answer = exchange -> {
            together.countDown();
            together.await();
            return false;
        };
        var reads = new ArrayList<Submitted>();
        for (int i = 0; i < BLOCKS; i++) {
            reads.add(disk.read((long) i * BLOCK, BLOCK));
        }
        for (int i = 0; i < BLOCKS; i++) {
            assertArrayEquals(block(i), reads.get(i).await().data());
        }
        assertArrayEquals(image, disk.read(0, (int) CAPACITY).await().data());
        assertFalse(disk.flush().await().failed());
        assertFails(Result.MEDIA_FAILURE, disk.write(0, pattern(1)));
        assertNull(running.stop());
        assertEquals(List.of(web.url() + ": is read-only"), running.problems);
    }

    @Test
    void a_mirror_has_tags_of_its_own() throws Exception {
        try (var mirror = new FakeWebServer(image)) {
            mirror.tag = "\"mirror\"";
            var running = serve();
            web.answer = exchange -> FakeWebServer.redirect(exchange, mirror.url());
            assertReads(1);
            mirror.modified = "Fri, 27 Nov 2026 11:00:00 GMT";
            assertFails(Result.MEDIA_FAILURE, disk.read(0, BLOCK));
            web.answer = exchange -> false;
            assertReads(2);
            assertEquals(1, running.problems.size(), running.problems.toString());
        }
    }

    @Test
    void a_mirror_that_is_gone_is_forgotten() throws Exception {
        try (var mirror = new FakeWebServer(image)) {
            serve();
            web.answer = exchange -> FakeWebServer.redirect(exchange, mirror.url());
            assertReads(1);
            web.answer = exchange -> false;
            mirror.answer = exchange -> FakeWebServer.status(exchange, 503);
            assertReads(2);
            int asked = mirror.asked.size();
            assertReads(3);
            assertEquals(asked, mirror.asked.size());
        }
    }

    @Test
    void a_server_that_wants_to_be_left_alone_for_long_is_told_of() throws Exception {
        var running = serve();
        web.answer = exchange -> {
            exchange.getResponseHeaders().set("Retry-After", "3600");
            return FakeWebServer.status(exchange, 503);
        };
        disk.read(0, BLOCK);
        awaitProblem(running, "the server answers 503 Service Unavailable; requests wait until it is better");
        disk.reset();
        running.end();
    }

    @Test
    void where_nobody_can_be_is_asked_once() throws Exception {
        var running = serve();
        web.answer = exchange -> FakeWebServer.redirect(exchange, "http://localhost:99999/disk");
        assertTrue(disk.read(0, BLOCK).await().failed());
        assertEquals(List.of(web.url() + ": the server sends us to what is not on the web"), running.problems);
    }

    /** How a server tells that the file is another one. */
    enum Change {
        REFUSES {
            @Override
            void make(FakeWebServer web) {
                web.tag = "\"2\"";
            }
        },
        IGNORES_CONDITIONS {
            @Override
            void make(FakeWebServer web) {
                web.tag = "\"2\"";
                web.answer = exchange -> {
                    web.describe(exchange);
                    web.part(exchange);
                    return true;
                };
            }
        },
        KNOWS_NO_TAGS {
            @Override
            void prepare(FakeWebServer web) {
                web.tag = null;
            }

            @Override
            void make(FakeWebServer web) {
                web.modified = "Fri, 27 Nov 2026 11:00:00 GMT";
            }
        },
        HAS_WEAK_TAGS {
            @Override
            void prepare(FakeWebServer web) {
                web.tag = "W/\"1\"";
            }

            @Override
            void make(FakeWebServer web) {
                web.tag = "W/\"2\"";
            }
        },
        IS_LARGER {
            @Override
            void prepare(FakeWebServer web) {
                web.tag = null;
                web.modified = null;
            }

            @Override
            void make(FakeWebServer web) {
                web.bytes = Arrays.copyOf(web.bytes, web.bytes.length + 512);
            }
        },
        IS_CUT_SHORT {
            @Override
            void prepare(FakeWebServer web) {
                web.tag = null;
                web.modified = null;
            }

            @Override
            void make(FakeWebServer web) {
                web.bytes = Arrays.copyOf(web.bytes, 2 * BLOCK);
            }
        };

        void prepare(FakeWebServer web) {}

        abstract void make(FakeWebServer web);
    }

    @ParameterizedTest
    @EnumSource
    void a_file_that_was_changed_is_never_mixed_with_the_old_one(Change change) throws Exception {
        change.prepare(web);
        var running = serve();
        assertReads(3);
        byte[] old = web.bytes;
        String tag = web.tag;
        String modified = web.modified;
        web.bytes = new byte[old.length];
        change.make(web);
        assertFails(Result.MEDIA_FAILURE, disk.read(3L * BLOCK, BLOCK));
        assertFails(Result.MEDIA_FAILURE, disk.read(100L * BLOCK, BLOCK));
        web.bytes = old;
        web.tag = tag;
        web.modified = modified;
        assertReads(3);
        assertEquals(List.of(web.url() + ": the file was changed on the server, so its disk is not what it was; reads fail until the old file"
                + " is back"), running.problems);
    }

    @Test
    void requests_wait_for_a_server_that_is_gone() throws Exception {
        var running = serve();
        assertReads(1);
        web.stop();
        var read = disk.read(2L * BLOCK, BLOCK);
        awaitProblem(running, "; requests wait until it is better");
        assertFalse(read.isAnswered());
        web.start();
        assertArrayEquals(block(2), read.await().data());
        awaitProblem(running, web.url() + ": the server answers again");
        assertEquals(2, running.problems.size(), running.problems.toString());
    }

    @ParameterizedTest
    @ValueSource(ints = {408, 429, 500, 502, 503, 504})
    void what_may_pass_is_asked_again(int status) throws Exception {
        var running = serve();
        var bad = new AtomicInteger(2);
        web.answer = exchange -> bad.getAndDecrement() > 0 && FakeWebServer.status(exchange, status);
        assertReads(1);
        assertTrue(running.problems.get(0).startsWith(web.url() + ": the server answers " + status), running.problems.toString());
    }

    @Test
    void a_server_that_sends_too_little_is_asked_again() throws Exception {
        serve();
        var bad = new AtomicInteger(3);
        web.answer = exchange -> {
            if (bad.getAndDecrement() <= 0) {
                return false;
            }
            // Of unknown length, and then of one that it does not keep
            return sendPart(exchange, "4096-8191", bad.get() > 0 ? 0 : BLOCK, new byte[100]);
        };
        assertReads(1);
    }

    @Test
    void what_a_server_compresses_is_no_disk() throws Exception {
        var running = serve();
        web.answer = exchange -> {
            exchange.getResponseHeaders().set("Content-Encoding", "gzip");
            return sendPart(exchange, "4096-8191", BLOCK, new byte[BLOCK]);
        };
        assertTrue(disk.read(BLOCK, BLOCK).await().failed());
        assertEquals(List.of(web.url() + ": the server compresses it, and a disk needs its bytes as they are"), running.problems);
    }

    @Test
    void a_part_of_a_file_of_unknown_length_is_told() throws Exception {
        var running = serve();
        web.answer = exchange -> {
            exchange.getResponseHeaders().set("Content-Range", "bytes 0-4095/*");
            exchange.sendResponseHeaders(206, BLOCK);
            exchange.getResponseBody().write(block(0));
            return true;
        };
        assertFails(Result.REMOTE_FAILURE, disk.read(0, BLOCK));
        assertEquals(List.of(web.url() + ": the server does not say how long the file is"), running.problems);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "404 | the server answers 404 Not Found",
        "403 | the server answers 403 Forbidden",
        "401 | the server answers 401 Unauthorized; a user and a password are written before the host, as in USER:PASSWORD@HOST",
        "418 | the server answers 418",
        "200 | the server sends the whole file instead of a part",
    })
    void other_errors_fail_the_request(int status, String words) throws Exception {
        var running = serve();
        web.answer = exchange -> FakeWebServer.status(exchange, status);
        assertFails(Result.REMOTE_FAILURE, disk.read(0, BLOCK));
        assertEquals(List.of(web.url() + ": " + words), running.problems);
        web.answer = exchange -> false;
        assertReads(1);
    }

    @Test
    void another_part_than_was_asked_for_is_nobodys() throws Exception {
        var running = serve();
        web.answer = exchange -> {
            return sendPart(exchange, "8192-12287", BLOCK, block(2));
        };
        assertFails(Result.REMOTE_FAILURE, disk.read(BLOCK, BLOCK));
        assertEquals(List.of(web.url() + ": the server sends another part than it was asked for"), running.problems);
    }

    @Test
    void more_than_was_asked_for_is_nobodys() throws Exception {
        serve();
        var bad = new AtomicInteger(2);
        web.answer = exchange -> {
            if (bad.getAndDecrement() <= 0) {
                return false;
            }
            return sendPart(exchange, "4096-8191", 0, new byte[2 * BLOCK]);
        };
        assertReads(1);
    }

    @Test
    void a_deadline_ends_what_hangs_or_is_asked_again() throws Exception {
        var running = new RunningServer(devices, "model", geometry -> new Backends().open(web.url(), Set.of(), geometry));
        running.server.limitTo(300_000_000L);
        start(running).awaitReady();
        web.answer = exchange -> {
            go.await();
            return false;
        };
        assertFails(Result.TIMEOUT, disk.read(0, BLOCK));
        web.answer = exchange -> FakeWebServer.status(exchange, 503);
        assertFails(Result.TIMEOUT, disk.read(0, BLOCK));
        web.answer = exchange -> false;
        // On a busy machine it may take longer
        while (disk.read(BLOCK, BLOCK).await().failed()) {
            Thread.sleep(5);
        }
        assertNull(running.stop());
    }

    @Test
    void a_reset_ends_what_hangs_and_what_is_asked_again() throws Exception {
        var running = serve();
        var hangs = new CountDownLatch(1);
        web.answer = exchange -> {
            if (exchange.getRequestHeaders().getFirst("Range").startsWith("bytes=0-")) {
                hangs.countDown();
                go.await();
                return false;
            }
            return FakeWebServer.status(exchange, 503);
        };
        disk.read(0, BLOCK);
        disk.read(BLOCK, BLOCK);
        hangs.await();
        disk.reset();
        assertEquals(DeviceException.Reason.NOT_SET_UP, assertInstanceOf(DeviceException.class, running.end()).reason());
    }

    @Test
    void it_is_found_where_the_server_sends_us_and_the_password_stays_at_home() throws Exception {
        var authorizations = new ArrayList<String>();
        try (var other = new FakeWebServer(image)) {
            // A name of its own
            String there = other.url().replace("localhost", "127.0.0.1");
            web.answer = exchange -> {
                authorizations.add(exchange.getRequestHeaders().getFirst("Authorization"));
                return FakeWebServer.redirect(exchange, there);
            };
            other.answer = exchange -> {
                authorizations.add("other " + exchange.getRequestHeaders().getFirst("Authorization"));
                return false;
            };
            var running = serve(web.url().replace("//", "//me:s%C3%A9cret@"));
            assertReads(1);
            assertReads(2);
            // The last one goes there at once
            assertEquals(List.of("Basic bWU6c8OpY3JldA==", "other null", "Basic bWU6c8OpY3JldA==", "other null", "other null"), authorizations);
            // What we were told is valid no longer
            String moved = there + "?key=2";
            other.answer = exchange -> !moved.endsWith(String.valueOf(exchange.getRequestURI().getQuery())) && FakeWebServer.status(exchange, 403);
            web.answer = exchange -> FakeWebServer.redirect(exchange, moved);
            assertReads(3);
            assertReads(4);
            web.answer = exchange -> FakeWebServer.redirect(exchange, exchange.getRequestURI().toString());
            other.answer = exchange -> FakeWebServer.status(exchange, 404);
            assertFails(Result.REMOTE_FAILURE, disk.read(0, BLOCK));
            web.answer = exchange -> FakeWebServer.redirect(exchange, there);
            assertFails(Result.REMOTE_FAILURE, disk.read(0, BLOCK));
            assertEquals(List.of(web.url() + ": the server answers 302", web.url() + ": 127.0.0.1 answers 404 Not Found"), running.problems);
        }
    }
}
