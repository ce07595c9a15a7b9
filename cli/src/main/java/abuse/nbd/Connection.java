// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import abuse.libc.Threads;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A connection to a server, which is made anew when it is lost; what is not answered is then sent again. The threads that
 * submit requests write to the socket. One thread reads, and never writes, because a server need not read before its
 * replies are read. Another one writes what follows from replies, and sends again.
 */
final class Connection {
    private static final long FIRST_DELAY_MS = 5;
    private static final long LAST_DELAY_MS = 1000;
    /** How long a server that does not read may keep the end waiting. */
    private static final long LEAVE_MS = 1000;

    private final NbdBackend backend;
    private final Sender sender;
    private final Receiver receiver;
    private final Finisher finisher;
    private final Exchanges exchanges = new Exchanges();
    private final Thread reader;
    private final Thread writer;

    /** Held while something is written. */
    private final ReentrantLock sending = new ReentrantLock();
    private volatile boolean connected = true;
    /** Whether it does not come back at once, so that another one may carry out its requests; under the lock. */
    private boolean released;
    /** The number of the present connection, from 1. */
    private int number = 1;
    private volatile Wire wire;
    private volatile boolean dirty;
    /** The one that was closed because requests had passed their deadline. */
    private volatile Wire hung;
    private volatile boolean closed;
    /** Whether nobody waits for requests any more. */
    private volatile boolean abandoned;
    /** Whether the reader has ended because of that; under the lock. */
    private boolean over;
    /** Milliseconds before the next attempt to connect; the reader's. Without an answer in between they become more. */
    private long delay;

    /** Guards what follows: what the writer has to do. */
    private final Object work = new Object();
    private final Queue<Exchange> continued = new ArrayDeque<>();
    private boolean again;

    Connection(NbdBackend backend, Wire first, int index) {
        this.backend = backend;
        wire = first;
        sender = new Sender(backend.export());
        sender.use(first, number);
        finisher = new Finisher(backend, exchanges, this);
        receiver = new Receiver(finisher);
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
        return exchanges.underWay();
    }

    boolean isConnected() {
        return connected;
    }

    /** Sends the first command of a request, with others, or keeps it until there is a connection. */
    void submit(AsyncRequest request) {
        send(exchanges.take(request, backend.unflushed()));
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
        } catch (Throwable e) {
            // What was not sent is sent again on the next connection
            close(wire);
        } finally {
            sending.unlock();
        }
    }

    /** Ends what has passed its deadline soon. */
    void expire() {
        Wire present = wire;
        if (!exchanges.haveExpired()) {
            return;
        }
        if (connected) {
            hung = present;
            close(present);
            return;
        }
        endExpired(false);
    }

    /** Lets nobody wait for the server any more, and has the reader fail all requests. */
    void abandon() {
        abandoned = true;
        end();
        close(wire);
    }

    /** Begins the end: says nothing more to the server. */
    void leave() {
        end();
        Threads.join(writer, LEAVE_MS);
        close(wire);
    }

    /** After all have left, as what another one had under way may have come here. */
    void close() {
        Threads.join(writer);
        Threads.join(reader);
        sender.close();
        receiver.close();
    }

    private void end() {
        closed = true;
        synchronized (work) {
            work.notifyAll();
        }
    }

    // Any thread

    private void send(Exchange exchange) {
        AsyncRequest refused = null;
        Failure failure = null;
        sending.lock();
        try {
            AsyncRequest request = exchange.request;
            // What is sent again may have been faster
            if (request != null && !(connected && exchange.sentOn == number)) {
                // Whoever was told that a write has failed may write something else there
                failure = over ? Failure.IO : request.isLate(System.nanoTime()) ? Failure.TIMEOUT : null;
                if (failure != null) {
                    refused = take(exchange);
                } else if (connected) {
                    dirty = true;
                    sender.add(exchange);
                }
            }
        } catch (Throwable e) {
            close(wire);
        } finally {
            sending.unlock();
        }
        if (refused != null) {
            refused.fail(failure, null);
        }
    }

    /** Closes one, so that the reader notices that its connection is lost. */
    private static void close(Wire lost) {
        try {
            lost.close();
        } catch (IOException e) {
            // It is of no use any more
        }
    }

    /**
     * Ends what has passed its deadline, if there is no connection. If the server hangs, changes that are under way fail, too: it
     * may carry them out when it wakes, and undo what was written since.
     */
    private void endExpired(boolean all) {
        long now = System.nanoTime();
        for (Exchange exchange : exchanges.all()) {
            AsyncRequest expired = null;
            sending.lock();
            try {
                AsyncRequest request = exchange.request;
                if (request != null && !connected && (request.isLate(now)
                        || all && exchange.isChange() && (exchange.sentOn != 0 || exchange.done != 0))) {
                    expired = take(exchange);
                }
            } finally {
                sending.unlock();
            }
            if (expired != null) {
                expired.fail(Failure.TIMEOUT, null);
            }
        }
    }

    /**
     * Frees an exchange under the lock, and returns its request, null if it was free; it is failed without the lock, because
     * what that leads to may wait for another thread that submits a request.
     */
    private AsyncRequest take(Exchange exchange) {
        AsyncRequest request = exchange.request;
        if (request != null) {
            exchanges.give(exchange);
        }
        return request;
    }

    // The writer

    private void write() {
        while (true) {
            Exchange next;
            boolean all;
            synchronized (work) {
                while (continued.isEmpty() && !again && !closed) {
                    try {
                        work.wait();
                    } catch (InterruptedException e) {
                        // Nobody interrupts this thread
                    }
                }
                if (closed) {
                    break;
                }
                all = again;
                again = false;
                next = continued.poll();
            }
            if (all) {
                for (Exchange exchange : exchanges.all()) {
                    resend(exchange);
                }
            }
            if (next != null) {
                send(next);
            }
            flush();
        }
        sayGoodbye();
    }

    /** Sends what the loss of a connection has stopped, through another one if this one is not back. */
    private void resend(Exchange exchange) {
        Connection other = connected ? this : backend.choose();
        if (other == this || !other.isConnected()) {
            send(exchange);
            return;
        }
        Exchange moved = null;
        sending.lock();
        try {
            if (released && exchange.request != null) {
                moved = other.exchanges.take(exchange);
                exchanges.give(exchange);
            }
        } catch (OutOfMemoryError e) {
            // It waits for this connection
        } finally {
            sending.unlock();
        }
        if (moved != null && other.abandoned) {
            other.send(moved);
        } else if (moved != null) {
            other.next(moved);
        }
    }

    /** Tells the server that this is the end, if it waits for nothing else. */
    private void sayGoodbye() {
        if (connected && underWay() == 0 && sending.tryLock()) {
            try {
                sender.leave();
            } catch (IOException e) {
                // The server notices the end all the same
            } finally {
                sending.unlock();
            }
        }
    }

    // The reader

    private void read() {
        while (!closed) {
            try {
                String cause = receive();
                finisher.pause();
                if (!closed) {
                    lose(cause);
                    reconnect();
                }
            } catch (Throwable e) {
                // Most likely there is no memory; requests still wait for this thread
                close(wire);
            }
        }
        if (abandoned) {
            failAll();
        }
    }

    private void failAll() {
        sending.lock();
        try {
            connected = false;
            over = true;
        } finally {
            sending.unlock();
        }
        // What is submitted from now on fails at once
        for (Exchange exchange : exchanges.all()) {
            send(exchange);
        }
    }

    /** Reads until the connection is lost, and returns why. */
    private String receive() {
        try {
            receiver.read(wire);
            throw new IllegalStateException();
        } catch (ClosedChannelException e) {
            return hung == wire ? "the server does not answer" : "it was closed";
        } catch (IOException e) {
            return e.getMessage();
        } catch (Throwable e) {
            return e.toString();
        }
    }

    private void lose(String cause) {
        close(wire);
        sending.lock();
        try {
            connected = false;
        } finally {
            sending.unlock();
        }
        endExpired(hung == wire);
        boolean writes = backend.lose();
        sending.lock();
        try {
            for (Exchange exchange : exchanges.all()) {
                // A part that was written may be lost with the server
                exchange.restart();
            }
        } finally {
            sending.unlock();
        }
        backend.lost(cause, writes);
    }

    /** Has all be sent that is not, if there is a connection for it. */
    void sendAgain() {
        synchronized (work) {
            again = true;
            work.notifyAll();
        }
    }

    private void reconnect() {
        while (true) {
            synchronized (work) {
                try {
                    if (delay > 0 && !closed) {
                        work.wait(delay);
                    }
                } catch (InterruptedException e) {
                    // Nobody interrupts this thread
                }
            }
            if (closed) {
                return;
            }
            delay = Math.max(FIRST_DELAY_MS, Math.min(2 * delay, LAST_DELAY_MS));
            Wire next = backend.reconnect(() -> closed);
            if (next != null) {
                use(next);
                return;
            }
            sending.lock();
            released = true;
            sending.unlock();
            sendAgain();
        }
    }

    private void use(Wire next) {
        sending.lock();
        try {
            wire = next;
            number++;
            sender.use(next, number);
            dirty = false;
            released = false;
            connected = true;
        } finally {
            sending.unlock();
        }
        if (closed) {
            close(next);
        }
        // Before anybody can notice that it is lost again
        backend.found();
    }

    /** Of the present connection; for the reader. */
    int number() {
        return number;
    }

    /** A command was carried out; for the reader. */
    void worked() {
        delay = 0;
    }

    /** Has the next command of a request sent; for the reader. */
    void next(Exchange exchange) {
        // Without the lock: whoever holds it may wait until this thread reads on
        exchange.sentOn = 0;
        synchronized (work) {
            continued.add(exchange);
            work.notifyAll();
        }
    }
}
