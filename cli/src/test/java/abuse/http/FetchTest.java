// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncRequest;
import abuse.backend.OneRequest;
import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class FetchTest {
    private static final int LENGTH = 512;

    @Test
    @Timeout(100)
    void a_server_that_hangs_is_asked_anew() throws Exception {
        var asked = new AtomicInteger();
        var hangs = new CountDownLatch(1);
        var go = new CountDownLatch(1);
        var threads = Executors.newCachedThreadPool();
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            try (exchange) {
                if (asked.incrementAndGet() == 1) {
                    hangs.countDown();
                    go.await();
                }
                exchange.getResponseHeaders().set("ETag", "\"1\"");
                exchange.getResponseHeaders().set("Content-Range", "bytes 0-511/4096");
                exchange.sendResponseHeaders(Web.PART, LENGTH);
                exchange.getResponseBody().write(new byte[LENGTH]);
            } catch (InterruptedException e) {
                // The test has ended
            }
        });
        server.start();
        String url = "http://localhost:" + server.getAddress().getPort() + "/disk";
        var backend = new HttpBackend(WebFile.parse(url), new Version(url, 4096, "\"1\"", null));
        try {
            var read = new OneRequest(AsyncRequest.Kind.READ, 0, LENGTH, ByteBuffer.allocateDirect(LENGTH), Long.MAX_VALUE);
            var fetch = new Fetch(backend, read);
            fetch.attempt();
            hangs.await();
            // As if so much time had passed
            fetch.hurry(System.nanoTime() - Body.STALL_NS);
            assertFalse(read.hasEnded());
            fetch.hurry(System.nanoTime() + Body.STALL_NS);
            assertTrue(read.await(Long.MAX_VALUE));
            assertEquals(2, asked.get());
        } finally {
            go.countDown();
            backend.close();
            server.stop(0);
            threads.shutdownNow();
        }
    }
}
