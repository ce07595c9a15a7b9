// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import javax.net.ssl.SSLException;

/** What all requests to web servers have in common. */
final class Web {
    static final int PART = 206;
    static final int CHANGED = 412;
    static final int BEYOND = 416;
    static final String OTHER_PART = "the server sends another part than it was asked for";
    /** How often a server may send us elsewhere. */
    static final int MOST_HOPS = 10;
    private static final int WHOLE = 200;
    /** Bytes of a first part; of one byte 'busybox httpd' would send the whole file. */
    private static final int LOOK = 512;
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(10);
    private static final Duration LOOK_LIMIT = Duration.ofSeconds(20);

    /** Follows no redirect by itself, because it would take what proves who we are to other servers. */
    static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(CONNECT_LIMIT).build();

    private Web() {}

    /** A request for a part of a file, which is somewhere else at the moment. */
    static HttpRequest.Builder ask(WebFile file, URI place, long first, long length) {
        var request = HttpRequest.newBuilder(place).header("Range", "bytes=" + first + "-" + (first + length - 1))
                .header("Accept-Encoding", "identity");
        if (file.authorization() != null && file.isAtHome(place)) {
            request.header("Authorization", file.authorization());
        }
        return request;
    }

    /**
     * Asks what a file is like.
     *
     * @throws IOException when it cannot serve a disk; the message names it
     */
    static Version look(WebFile file) throws IOException {
        try {
            URI place = file.uri();
            for (int i = 0; i <= MOST_HOPS; i++) {
                // A server may refuse HEAD, and need not say there that it has ranges
                var answer = CLIENT.send(ask(file, place, 0, LOOK).timeout(LOOK_LIMIT).build(), info -> new Body(null));
                int status = answer.statusCode();
                if (!isElsewhere(status)) {
                    return version(file, place, status, answer.headers());
                }
                place = elsewhere(place, answer);
            }
            throw new IOException("it is somewhere else all the time");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(file.text() + ": interrupted", e);
        } catch (ConnectException e) {
            throw new IOException(file.text() + ": " + words(e) + "; is a web server running there?", e);
        } catch (IOException e) {
            throw new IOException(file.text() + ": " + words(e), e);
        }
    }

    private static Version version(WebFile file, URI place, int status, HttpHeaders headers) throws IOException {
        if (status == PART) {
            Version version = Version.of(headers, 0, LOOK);
            if (version == null) {
                throw new IOException(Version.isEncoded(headers) ? "the server compresses it, and a disk needs its bytes as they are"
                        : OTHER_PART);
            }
            return version;
        }
        if (status == BEYOND || status == WHOLE && headers.firstValueAsLong("Content-Length").orElse(-1) == 0) {
            throw new IOException("is empty");
        }
        throw new IOException(status == WHOLE ? "the server" + headers.firstValue("Server").map(name -> ", " + printable(name) + ",").orElse("")
                + " sends only whole files, and a disk needs ranges; nginx and 'busybox httpd' have them" : words(file, place, status));
    }

    static boolean isElsewhere(int status) {
        return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    }

    /** Where a server sends us. */
    static URI elsewhere(URI place, HttpResponse<?> answer) throws IOException {
        String location = answer.headers().firstValue("Location").orElse("");
        URI next;
        try {
            next = place.resolve(location);
        } catch (IllegalArgumentException e) {
            throw new IOException("the server sends us to what is no URL", e);
        }
        String scheme = next.getScheme();
        if (location.isEmpty() || next.getHost() == null || !scheme.equals("http") && !scheme.equals("https")) {
            throw new IOException("the server sends us to what is not on the web");
        }
        if (scheme.equals("http") && place.getScheme().equals("https")) {
            throw new IOException("the server sends us to " + next.getHost() + " without TLS, so we do not go there");
        }
        return next.getRawUserInfo() == null ? next : URI.create(WebFile.withoutUser(next.toString()));
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

    /** Why a request got no answer. */
    static String words(Throwable e) {
        Throwable cause = e;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        // One that was cancelled took too long
        if (cause instanceof HttpTimeoutException || cause instanceof CancellationException) {
            return "the server does not answer";
        }
        if (cause instanceof SSLException) {
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            return "TLS: " + cause.getMessage();
        }
        if (cause instanceof ConnectException) {
            // Of a name that is not known it says nothing
            for (Throwable deeper = cause; deeper != null; deeper = deeper.getCause()) {
                if (deeper instanceof UnresolvedAddressException) {
                    return "no such host";
                }
            }
            return cause.getMessage() == null ? "Connection refused" : cause.getMessage();
        }
        return cause instanceof IOException && cause.getMessage() != null ? cause.getMessage() : cause.toString();
    }

    /** What a server says of itself cannot move the cursor. */
    private static String printable(String text) {
        return text.replaceAll("\\p{Cntrl}", "?");
    }
}
