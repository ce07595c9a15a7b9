// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A connection to a server, which is made anew when it is lost; what is not answered is then sent again. The threads that
 * submit requests write to the socket. One thread reads, and never writes, because a server need not read before its
 * replies are read. Another one writes what follows from replies, and sends again.
 */
final class Connection implements Receiver.Replies {
    private static final long FIRST_DELAY_MS = 5;
    private static final long LAST_DELAY_MS = 1000;

    private final NbdBackend backend;
    private final Export export;
    private final Sender sender;
    private final Receiver receiver = new Receiver(this);
    private final Thread reader;
    private final Thread writer;

    /** Held while something is written. */
    private final ReentrantLock sending = new ReentrantLock();
    private volatile boolean connected = true;
    /** The number of the present connection, from 1. */
    private int number = 1;
    private volatile SocketChannel channel;
    private volatile boolean dirty;
    /** Set before it is closed because requests have passed their deadline. */
    private volatile boolean hung;
    private volatile boolean closed;

    /** Guards what follows, except for reads of the array. */
    private final Object pool = new Object();
    /** Those that are under way, and those that are free, by index. */
    private volatile Exchange[] exchanges = {};
    private int[] free = {};
    private int freeExchanges;
    /** What the writer has to do. */
    private final Queue<Exchange> continued = new ArrayDeque<>();
    private boolean again;
    private final AtomicInteger underWay = new AtomicInteger();
    /** Where answers are to be sent; the reader's. */
    private AsyncRequest.Answers unsent;

    Connection(NbdBackend backend, Handshake.Result first, int index) {
        this.backend = backend;
        export = first.export();
        channel = first.channel();
        sender = new Sender(export);
        sender.use(channel);
        reader = new Thread(this::read, "nbd reader " + index);
        writer = new Thread(this::write, "nbd writer " + index);
        reader.setDaemon(true);
        writer.setDaemon(true);
    }

    void start() {
        reader.start();
        writer.start();
    }

    int underWay() {
        return underWay.get();
    }

    /** Sends the first command of a request, with others, or keeps it until there is a connection. */
    void submit(AsyncRequest request) {
        underWay.incrementAndGet();
        Exchange exchange = take(request);
        send(exchange);
    }

    /** Writes what was gathered. */
    void flush() {
        if (!dirty) {
            return;
        }
        sending.lock();
        try {
            dirty = false;
            if (connected) {
                sender.flush();
            }
        } catch (IOException e) {
            disconnect();
        } finally {
            sending.unlock();
        }
    }

    /** Ends what has passed its deadline soon. */
    void expire() {
        if (!hasExpired()) {
            return;
        }
        if (connected) {
            hung = true;
            disconnect();
            return;
        }
        sending.lock();
        try {
            if (!connected) {
                endExpired(false);
            }
        } finally {
            sending.unlock();
        }
    }

    void close() {
        closed = true;
        if (connected && underWay() == 0 && sending.tryLock()) {
            try {
                sender.leave();
            } catch (IOException e) {
                // The server notices the end all the same
            } finally {
                sending.unlock();
            }
        }
        disconnect();
        synchronized (pool) {
            pool.notifyAll();
        }
        for (Thread thread : new Thread[] {reader, writer}) {
            boolean interrupted = false;
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        sender.close();
        receiver.close();
    }

    // Any thread

    private Exchange take(AsyncRequest request) {
        synchronized (pool) {
            if (freeExchanges == 0) {
                grow();
            }
            Exchange exchange = exchanges[free[--freeExchanges]];
            if (request.kind() == AsyncRequest.Kind.FLUSH) {
                backend.unflushed().begin(exchange);
            }
            exchange.begin(request);
            return exchange;
        }
    }

    private void grow() {
        int before = exchanges.length;
        int after = before == 0 ? 64 : before * 2;
        var all = new Exchange[after];
        System.arraycopy(exchanges, 0, all, 0, before);
        free = new int[after];
        for (int i = before; i < after; i++) {
            all[i] = new Exchange(i);
            free[freeExchanges++] = i;
        }
        exchanges = all;
    }

    private void give(Exchange exchange) {
        synchronized (pool) {
            exchange.request = null;
            exchange.generation++;
            free[freeExchanges++] = exchange.index;
        }
        underWay.decrementAndGet();
    }

    private void send(Exchange exchange) {
        sending.lock();
        try {
            // What is sent again may have been faster
            if (connected && exchange.request != null && exchange.sentOn != number) {
                exchange.sentOn = number;
                dirty = true;
                sender.add(exchange);
            }
        } catch (IOException e) {
            disconnect();
        } finally {
            sending.unlock();
        }
    }

    /** Makes the reader notice that the connection is lost. */
    private void disconnect() {
        try {
            channel.close();
        } catch (IOException e) {
            // It is of no use any more
        }
    }

    private boolean hasExpired() {
        long now = System.nanoTime();
        for (Exchange exchange : exchanges) {
            AsyncRequest request = exchange.request;
            if (request != null && isExpired(request, now)) {
                return true;
            }
        }
        return false;
    }

    private static boolean isExpired(AsyncRequest request, long now) {
        return request.deadline() != Long.MAX_VALUE && now - request.deadline() >= 0;
    }

    /**
     * Ends what has passed its deadline, without a connection and under the lock. If the server hangs, changes that are
     * under way fail, too: it may carry them out when it wakes, and undo what was written since.
     */
    private void endExpired(boolean all) {
        long now = System.nanoTime();
        for (Exchange exchange : exchanges) {
            AsyncRequest request = exchange.request;
            if (request == null) {
                continue;
            }
            boolean change = switch (request.kind()) {
                case READ, FLUSH -> false;
                case WRITE, DISCARD, WRITE_ZEROES -> exchange.sentOn != 0 || exchange.done != 0;
            };
            if (isExpired(request, now) || all && change) {
                give(exchange);
                request.fail(Failure.TIMEOUT, null);
            }
        }
    }

    // The writer

    private void write() {
        while (true) {
            Exchange next;
            boolean all;
            synchronized (pool) {
                while (continued.isEmpty() && !again && !closed) {
                    try {
                        pool.wait();
                    } catch (InterruptedException e) {
                        // Nobody interrupts this thread
                    }
                }
                if (closed) {
                    return;
                }
                all = again;
                again = false;
                next = continued.poll();
            }
            if (all) {
                for (Exchange exchange : exchanges) {
                    send(exchange);
                }
            }
            if (next != null) {
                send(next);
            }
            flush();
        }
    }

    // The reader

    private void read() {
        while (!closed) {
            String cause;
            try {
                receiver.read(channel);
                throw new IllegalStateException();
            } catch (ClosedChannelException e) {
                cause = hung ? "the server does not answer" : "it was closed";
            } catch (IOException e) {
                cause = e.getMessage();
            } catch (Throwable e) {
                cause = e.toString();
            }
            pause();
            if (!closed) {
                lose(cause);
                reconnect();
            }
        }
    }

    private void lose(String cause) {
        disconnect();
        sending.lock();
        try {
            connected = false;
            if (hung) {
                hung = false;
                endExpired(true);
            }
            for (Exchange exchange : exchanges) {
                // A part that was written may be lost with the server
                exchange.restart();
            }
        } finally {
            sending.unlock();
        }
        backend.lost(cause, backend.unflushed().lose());
    }

    private void reconnect() {
        long delay = FIRST_DELAY_MS;
        while (!closed) {
            try {
                Handshake.Result next = Handshake.with(backend.uri(), () -> closed);
                String difference = difference(next.export());
                if (difference == null) {
                    use(next.channel());
                    return;
                }
                next.channel().close();
                backend.tell(difference + "; requests wait");
            } catch (IOException | RuntimeException e) {
                // Told when it was lost; there may be no server for hours
            }
            synchronized (pool) {
                try {
                    if (!closed) {
                        pool.wait(delay);
                    }
                } catch (InterruptedException e) {
                    // Nobody interrupts this thread
                }
            }
            delay = Math.min(2 * delay, LAST_DELAY_MS);
        }
    }

    private String difference(Export now) {
        return now.size() != export.size() ? "the export now has " + now.size() + " bytes, but had " + export.size()
                : now.readOnly() && !export.readOnly() ? "the export is now read-only"
                : now.minimum() > export.minimum() || now.maximum() < export.maximum()
                        || (export.flags() & ~now.flags() & Protocol.ABILITIES) != 0 ? "the server can now do less than before" : null;
    }

    private void use(SocketChannel next) {
        sending.lock();
        try {
            channel = next;
            sender.use(next);
            number++;
            dirty = false;
            connected = true;
        } finally {
            sending.unlock();
        }
        if (closed) {
            disconnect();
        }
        // Before anybody can notice that it is lost again
        backend.found();
        synchronized (pool) {
            again = true;
            pool.notifyAll();
        }
    }

    @Override
    public Exchange find(long cookie) throws IOException {
        int index = (int) cookie;
        Exchange[] all = exchanges;
        Exchange exchange = index >= 0 && index < all.length ? all[index] : null;
        if (exchange == null || exchange.generation != (int) (cookie >> 32) || exchange.request == null) {
            throw new IOException("the server answers what was not asked");
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
        AsyncRequest request = exchange.request;
        exchange.done += Integer.toUnsignedLong(exchange.part);
        boolean changes = request.kind() != AsyncRequest.Kind.READ && request.kind() != AsyncRequest.Kind.FLUSH;
        if (exchange.done < request.length()) {
            next(exchange);
        } else if (changes && request.fua() && !export.has(Protocol.SEND_FUA) && export.has(Protocol.SEND_FLUSH)
                && !exchange.flushing) {
            exchange.flushing = true;
            next(exchange);
        } else if (request.kind() == AsyncRequest.Kind.FLUSH && !backend.unflushed().end(exchange)) {
            give(exchange);
            request.fail(Failure.IO, backend.uri().text() + ": a flush failed, because what was written before the connection"
                    + " was lost may be lost");
        } else {
            if (changes && !request.fua() && export.has(Protocol.SEND_FLUSH)) {
                backend.unflushed().answered();
            }
            give(exchange);
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

    private void next(Exchange exchange) {
        // Without the lock: whoever holds it may wait until this thread reads on
        exchange.sentOn = 0;
        synchronized (pool) {
            continued.add(exchange);
            pool.notifyAll();
        }
    }

    private void fail(Exchange exchange) {
        AsyncRequest request = exchange.request;
        int error = exchange.error;
        String message = exchange.message == null || exchange.message.isEmpty() ? NbdBackend.words(error) : exchange.message;
        give(exchange);
        request.fail(NbdBackend.failure(error), backend.uri().text() + ": " + message);
    }
}
