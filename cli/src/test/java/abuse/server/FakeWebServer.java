// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.ArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A web server in this process with one file, /disk, which does as nginx does except where a test has it do something else. */
final class FakeWebServer implements AutoCloseable {
    /** What a server does with a request; true if it was answered, and is not to be answered as usual. */
    interface Answer {
        boolean give(HttpExchange exchange) throws Exception;
    }

    volatile byte[] bytes;
    volatile String tag = "\"1\"";
    volatile String modified = "Fri, 27 Nov 2026 10:00:00 GMT";
    volatile Answer answer = exchange -> false;
    /** What was asked for, such as "/disk bytes=0-511". */
    final List<String> asked = Collections.synchronizedList(new ArrayList<>());
    private final ExecutorService threads = Executors.newCachedThreadPool(work -> {
        var thread = new Thread(work, "fake web server");
        thread.setDaemon(true);
        return thread;
    });
    private HttpServer server;
    /** More clients than any test starts at once; with fewer, a connection may take seconds. */
    private static final int BACKLOG = 1000;

    final int port;

    FakeWebServer(byte[] bytes) throws IOException {
        this.bytes = bytes;
        start(0);
        port = server.getAddress().getPort();
    }

    private void start(int at) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), at), BACKLOG);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    /** Starts it again after {@link #stop}. */
    void start() throws IOException {
        start(port);
    }

    void stop() {
        server.stop(0);
    }

    String url() {
        return "http://localhost:" + port + "/disk";
    }

    @Override
    public void close() {
        stop();
        threads.shutdownNow();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            var headers = exchange.getRequestHeaders();
            String range = headers.getFirst("Range");
            asked.add(exchange.getRequestURI() + " " + range);
            if (answer.give(exchange)) {
                return;
            }
            if (!exchange.getRequestURI().getPath().equals("/disk")) {
                exchange.sendResponseHeaders(404, -1);
                return;
            }
            describe(exchange);
            String wanted = headers.getFirst("If-Match");
            String time = headers.getFirst("If-Unmodified-Since");
            if (wanted != null && !wanted.equals(tag) || time != null && !time.equals(modified)) {
                exchange.sendResponseHeaders(412, -1);
                return;
            }
            part(exchange);
        } catch (Exception e) {
            // The client has gone, or the test has ended
        }
    }

    /** Says which version of the file there is. */
    void describe(HttpExchange exchange) {
        var told = exchange.getResponseHeaders();
        if (tag != null) {
            told.set("ETag", tag);
        }
        if (modified != null) {
            told.set("Last-Modified", modified);
        }
    }

    /** Sends the part that is asked for. */
    void part(HttpExchange exchange) throws IOException {
        byte[] now = bytes;
        String[] ends = exchange.getRequestHeaders().getFirst("Range").substring("bytes=".length()).split("-");
        int first = Integer.parseInt(ends[0]);
        int last = Math.min(Integer.parseInt(ends[1]), now.length - 1);
        if (first >= now.length) {
            exchange.getResponseHeaders().set("Content-Range", "bytes */" + now.length);
            exchange.sendResponseHeaders(416, -1);
            return;
        }
        exchange.getResponseHeaders().set("Content-Range", "bytes " + first + "-" + last + "/" + now.length);
        exchange.sendResponseHeaders(206, last + 1 - first);
        exchange.getResponseBody().write(Arrays.copyOfRange(now, first, last + 1));
    }

    /** Answers without the file. */
    static boolean status(HttpExchange exchange, int status) throws IOException {
        byte[] page = ("status " + status).getBytes();
        exchange.sendResponseHeaders(status, page.length);
        exchange.getResponseBody().write(page);
        return true;
    }

    static boolean redirect(HttpExchange exchange, String location) throws IOException {
        exchange.getResponseHeaders().set("Location", location);
        exchange.sendResponseHeaders(302, -1);
        return true;
    }
}
