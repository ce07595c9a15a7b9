// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import java.io.IOException;
import java.util.concurrent.locks.LockSupport;

/**
 * Decides what follows from a reply: the next command of its request, or the end. It is the reader's, and never waits for
 * what the server does not do on its own.
 */
final class Finisher implements Receiver.Replies {
    private static final long MOMENT_NS = 10_000;

    private final NbdBackend backend;
    private final Export export;
    private final Exchanges exchanges;
    private final Connection connection;
    /** Where answers are to be sent. */
    private AsyncRequest.Answers unsent;

    Finisher(NbdBackend backend, Exchanges exchanges, Connection connection) {
        this.backend = backend;
        export = backend.export();
        this.exchanges = exchanges;
        this.connection = connection;
    }

    @Override
    public Exchange find(long cookie) throws IOException {
        Exchange exchange = exchanges.find(cookie, connection.number());
        // A server has the data before it answers, so the call that sends it is about to return
        while (exchange.sending) {
            LockSupport.parkNanos(MOMENT_NS);
        }
        return exchange;
    }

    @Override
    public void end(Exchange exchange) throws IOException {
        if (exchange.error != 0) {
            if (exchange.error == Protocol.ESHUTDOWN) {
                throw new IOException("the server is shutting down");
            }
            fail(exchange);
            return;
        }
        connection.worked();
        AsyncRequest request = exchange.request;
        exchange.done += Integer.toUnsignedLong(exchange.part);
        if (exchange.done < request.length()) {
            connection.next(exchange);
        } else if (exchange.isChange() && request.fua() && !export.has(Protocol.SEND_FUA) && export.has(Protocol.SEND_FLUSH)
                && !exchange.flushing) {
            exchange.flushing = true;
            connection.next(exchange);
        } else if (request.kind() == AsyncRequest.Kind.FLUSH && !backend.unflushed().end(exchange)) {
            exchanges.give(exchange);
            request.fail(Failure.IO, backend.text() + ": a flush failed, because what was written before the connection"
                    + " was lost may be lost");
        } else {
            if (exchange.isChange() && !request.fua() && export.has(Protocol.SEND_FLUSH)) {
                backend.unflushed().answered();
            }
            exchanges.give(exchange);
            complete(request);
        }
    }

    @Override
    public void pause() {
        if (unsent != null) {
            unsent.send();
            unsent = null;
        }
    }

    private void complete(AsyncRequest request) {
        AsyncRequest.Answers answers = request.answers();
        if (answers != unsent) {
            pause();
            unsent = answers;
        }
        request.completeSoon();
    }

    private void fail(Exchange exchange) {
        AsyncRequest request = exchange.request;
        int error = exchange.error;
        String message = exchange.message == null || exchange.message.isEmpty() ? NbdBackend.words(error) : exchange.message;
        exchanges.give(exchange);
        request.fail(NbdBackend.failure(error), backend.text() + ": " + message);
    }
}
