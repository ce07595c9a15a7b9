// SPDX-License-Identifier: Apache-2.0
import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

/** A read-only disk that is a file on a web server, with hundreds of requests under way, each a CompletableFuture. */
public final class HttpFutures implements AsyncBackend {
    private final HttpClient client = HttpClient.newHttpClient();
    private final URI file;

    public HttpFutures(URI file) {
        this.file = file;
    }

    @Override
    public void submit(AsyncRequest request) throws IOException {
        switch (request.kind()) {
            case READ -> {
                long offset = request.offset();
                HttpRequest ask = HttpRequest.newBuilder(file)
                        .header("Range", "bytes=" + offset + "-" + (offset + request.length() - 1)).build();
                client.sendAsync(ask, BodyHandlers.ofByteArray()).whenComplete((answer, e) -> end(request, answer, e));
            }
            case FLUSH -> request.complete();
            default -> throw new IOException(file + ": read-only");
        }
    }

    private void end(AsyncRequest request, HttpResponse<byte[]> answer, Throwable e) {
        if (e != null || answer.statusCode() != 206 || answer.body().length != request.length()) {
            request.fail(Failure.REMOTE, file + ": " + (e != null ? e : "status " + answer.statusCode()));
        } else {
            request.data().put(answer.body());
            request.complete();
        }
    }

    @Override
    public String identity() {
        return "http " + file;
    }

    @Override
    public void close() {}
}
