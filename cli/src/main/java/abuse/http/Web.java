// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import static java.time.format.DateTimeFormatter.RFC_1123_DATE_TIME;

import abuse.libc.Terminal;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.UnresolvedAddressException;
import java.security.InvalidAlgorithmParameterException;
import java.security.cert.CertPathBuilderException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;

/** What all requests to web servers have in common. */
final class Web {
    static final int PART = 206;
    static final int CHANGED = 412;
    static final int BEYOND = 416;
    /** How often a server may send us elsewhere. */
    static final int MOST_HOPS = 10;
    static final String OTHER_LENGTH = "the server sends another number of bytes than it was asked for";
    private static final int WHOLE = 200;
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(30);
    /** How long a connection is kept for others: one that is gone without a word would keep the next reads waiting. */
    private static final String KEEP_ALIVE = "jdk.httpclient.keepalive.timeout";
    private static final String KEEP_ALIVE_S = "5";
    private static final Duration LONGEST_WAIT = Duration.ofHours(1);
    private static final String TRUST_STORE = "-Djavax.net.ssl.trustStore in ABUSECTL_JAVA_OPTS names a file of"
            + " keytool that tells whom to trust";

    /** Each waits for an answer. */
    private static final ExecutorService THREADS = Executors.newCachedThreadPool(Web::thread);
    private static HttpClient client;

    private Web() {}

    private static Thread thread(Runnable work) {
        var thread = new Thread(work, "http");
        thread.setDaemon(true);
        return thread;
    }

    /** Follows no redirect by itself, because it would take what proves who we are to other servers. */
    private static synchronized HttpClient client() throws IOException {
        if (client == null) {
            try {
                if (System.getProperty(KEEP_ALIVE) == null) {
                    System.setProperty(KEEP_ALIVE, KEEP_ALIVE_S);
                }
                client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(CONNECT_LIMIT).build();
            } catch (RuntimeException e) {
                throw new IOException("whom Java trusts cannot be read: " + printable(first(e)) + "; " + TRUST_STORE, e);
            }
        }
        return client;
    }

    /**
     * Has a thread of our own send a request. {@link HttpClient#sendAsync} would have one of the common pool take the answer,
     * and all of these may wait for this very disk.
     *
     * @return what can be cancelled
     */
    static CompletableFuture<HttpResponse<Body>> send(HttpRequest request, HttpResponse.BodyHandler<Body> bodies) throws IOException {
        HttpClient to = client();
        var answer = new CompletableFuture<HttpResponse<Body>>();
        Future<?> sending = THREADS.submit(() -> {
            try {
                answer.complete(to.send(request, bodies));
            } catch (Throwable e) {
                answer.completeExceptionally(e);
            }
        });
        answer.whenComplete((done, e) -> {
            if (answer.isCancelled()) {
                sending.cancel(true);
            }
        });
        return answer;
    }

    /** A request for a part of a file, which is somewhere else at the moment. */
    static HttpRequest.Builder ask(WebFile file, URI place, long first, long length) {
        var request = HttpRequest.newBuilder(place).header("Range", "bytes=" + first + "-" + (first + length - 1))
                .header("Accept-Encoding", "identity");
        if (file.authorization() != null && file.isAtHome(place)) {
            request.header("Authorization", file.authorization());
        }
        return request;
    }

    /** A part of a file, and what the file is like. */
    record Part(Version version, ByteBuffer bytes) {}

    /**
     * Reads a part of a file before there is its disk; it ends where the file does.
     *
     * @param limit nanoseconds that it may take
     * @throws IOException when it cannot serve a disk; the message names it
     */
    static Part read(WebFile file, long first, int length, long limit) throws IOException {
        try {
            // It takes its time to read whom Java trusts
            client();
            long end = System.nanoTime() + limit;
            URI place = file.uri();
            for (int i = 0; i <= MOST_HOPS; i++) {
                URI at = place;
                ByteBuffer bytes = ByteBuffer.allocate(length);
                // A server may refuse HEAD, and need not say there that it has ranges
                var asked = send(ask(file, at, first, length).build(), info -> {
                    Version version = info.statusCode() == PART ? Version.of(at, info.headers(), first, length) : null;
                    return new Body(version == null ? null : bytes.limit((int) Math.min(length, version.size() - first)));
                });
                HttpResponse<Body> answer;
                try {
                    answer = asked.get(end - System.nanoTime(), TimeUnit.NANOSECONDS);
                } finally {
                    // If it takes too long, or we are interrupted
                    asked.cancel(true);
                }
                if (!isElsewhere(answer.statusCode())) {
                    return part(file, at, answer, first, bytes);
                }
                place = elsewhere(at, answer);
            }
            throw new IOException("it is somewhere else all the time");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(file.text() + ": interrupted", e);
        } catch (ExecutionException | TimeoutException | IOException | IllegalArgumentException e) {
            Throwable cause = e instanceof ExecutionException ? e.getCause() : e;
            throw new IOException(file.text() + ": " + words(cause) + (cause instanceof ConnectException ? "; is a web server running there?" : ""), e);
        }
    }

    private static Part part(WebFile file, URI place, HttpResponse<Body> answer, long first, ByteBuffer bytes) throws IOException {
        int status = answer.statusCode();
        HttpHeaders headers = answer.headers();
        boolean whole = answer.body().close();
        if (status == PART) {
            Version version = Version.of(place, headers, first, bytes.capacity());
            if (version == null) {
                throw new IOException(otherPart(headers));
            }
            if (!whole) {
                throw new IOException(OTHER_LENGTH);
            }
            return new Part(version, bytes.flip());
        }
        if (status == BEYOND || status == WHOLE && headers.firstValueAsLong("Content-Length").orElse(-1) == 0) {
            throw new IOException("is empty");
        }
        throw new IOException(status == WHOLE ? "the server" + headers.firstValue("Server").map(name -> ", " + name + ",").orElse("")
                + " sends only whole files, and a disk needs ranges; nginx and 'busybox httpd' have them" : words(file, place, status));
    }

    /** What is wrong with a part that has no {@link Version}. */
    static String otherPart(HttpHeaders headers) {
        return Version.isEncoded(headers) ? "the server compresses it, and a disk needs its bytes as they are"
                : headers.firstValue("Content-Range").orElse("").endsWith("/*") ? "the server does not say how long the file is"
                : "the server sends another part than it was asked for";
    }

    static boolean isElsewhere(int status) {
        return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    }

    /** Where a server sends us. */
    static URI elsewhere(URI place, HttpResponse<?> answer) throws IOException {
        String location = answer.headers().firstValue("Location").orElse("");
        URI next;
        try {
            // Of a query alone URI makes what belongs to an older standard
            next = location.startsWith("?") ? URI.create(WebFile.placeOf(place) + location) : place.resolve(location);
        } catch (IllegalArgumentException e) {
            // Without its cause, which quotes what may have a key
            throw new IOException("the server sends us to what is no URL");
        }
        String scheme = next.getScheme();
        if (location.isEmpty() || !WebFile.isPlace(next) || !scheme.equalsIgnoreCase("http") && !scheme.equalsIgnoreCase("https")) {
            throw new IOException("the server sends us to what is not on the web");
        }
        if (scheme.equalsIgnoreCase("http") && place.getScheme().equalsIgnoreCase("https")) {
            throw new IOException("the server sends us to " + next.getHost() + " without TLS, so we do not go there");
        }
        return WebFile.withoutUser(next);
    }

    /** Whether it may be better later. */
    static boolean isPassing(int status) {
        return status >= 500 && status != 501 && status != 505 || status == 408 || status == 425 || status == 429;
    }

    /** What an answer means that has no bytes of the file. */
    static String words(WebFile file, URI place, int status) {
        String name = switch (status) {
            case 400 -> " Bad Request";
            case 401 -> " Unauthorized";
            case 403 -> " Forbidden";
            case 404 -> " Not Found";
            case 410 -> " Gone";
            case 429 -> " Too Many Requests";
            case 500 -> " Internal Server Error";
            case 502 -> " Bad Gateway";
            case 503 -> " Service Unavailable";
            case 504 -> " Gateway Timeout";
            default -> "";
        };
        return (file.isAtHome(place) ? "the server" : place.getHost()) + " answers " + status + name
                + (status == 401 ? "; a user and a password are written before the host, as in USER:PASSWORD@HOST" : "");
    }

    /** How long a server wants to be left alone, in milliseconds, as far as we wait for that; 0 if it does not say. */
    static long retryAfterMs(HttpHeaders headers) {
        String when = headers.firstValue("Retry-After").orElse("");
        try {
            long milliseconds = when.matches("\\d{1,9}") ? Long.parseLong(when) * 1000
                    : Duration.between(Instant.now(), RFC_1123_DATE_TIME.parse(when, Instant::from)).toMillis();
            return Math.max(0, Math.min(milliseconds, LONGEST_WAIT.toMillis()));
        } catch (DateTimeException | ArithmeticException e) {
            return 0;
        }
    }

    /** Whether a request cannot be sent at all, which is so each time. */
    static boolean isFinal(Throwable e) {
        return unwrap(e) instanceof IllegalArgumentException;
    }

    /** Why a request got no answer; what a server says cannot move the cursor. */
    static String words(Throwable e) {
        Throwable cause = unwrap(e);
        // One that was cancelled took too long
        if (cause instanceof TimeoutException || cause instanceof HttpTimeoutException || cause instanceof CancellationException) {
            return "the server does not answer";
        }
        Throwable first = first(cause);
        if (cause instanceof SSLException) {
            return "TLS: " + (first instanceof CertPathBuilderException || first instanceof InvalidAlgorithmParameterException
                    ? "nobody whom Java trusts has signed the server's certificate; " + TRUST_STORE : printable(first));
        }
        if (cause instanceof ConnectException) {
            // Of a name that is not known it says nothing
            return first instanceof UnresolvedAddressException ? "no such host" : cause.getMessage() == null ? "Connection refused" : printable(cause);
        }
        return printable(cause);
    }

    private static Throwable unwrap(Throwable e) {
        Throwable cause = e;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    private static Throwable first(Throwable e) {
        Throwable first = e;
        while (first.getCause() != null) {
            first = first.getCause();
        }
        return first;
    }

    private static String printable(Throwable e) {
        return Terminal.printable(e instanceof Exception && e.getMessage() != null ? e.getMessage() : e.toString());
    }
}
