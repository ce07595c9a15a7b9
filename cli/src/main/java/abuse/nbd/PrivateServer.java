// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.Words;
import abuse.libc.Child;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * A server that we start, and that takes connections from a socket which nobody else can reach. Whoever wants a
 * connection when it has ended starts it again.
 */
final class PrivateServer implements AutoCloseable {
    /** How long a server may take to begin. */
    private static final long BEGIN_NS = 60_000_000_000L;
    /** How long it may take to end after the last connection has. */
    private static final long END_MS = 30_000;
    /** How long after its connections a process ends that dies. */
    private static final long MOMENT_MS = 500;
    private static final int NOT_FOUND = 127;
    /** Of the folder for temporary files: the name of a socket has 107 bytes at most. */
    private static final int MOST_LENGTH = 70;
    private static final int SIGNAL = 128;

    private final String text;
    private final List<String> command;
    private final Path folder;
    private final Path socket;
    private Run run;
    private boolean closed;

    /** The time from one start to the end. */
    private static final class Run {
        private final CountDownLatch begin = new CountDownLatch(1);
        private final CountDownLatch end = new CountDownLatch(1);
        private volatile Child child;
        private volatile Throwable failure;
        volatile int status;

        Run(int socket, String path, List<String> command) throws IOException {
            // Some servers, such as nbdkit, end with the thread that has started them
            var thread = new Thread(() -> run(socket, path, command), "nbd server");
            thread.setDaemon(true);
            thread.start();
            boolean interrupted = false;
            while (begin.getCount() > 0) {
                try {
                    begin.await();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            if (failure != null) {
                throw failure instanceof IOException e ? e : new IOException(failure.toString(), failure);
            }
        }

        private void run(int socket, String path, List<String> command) {
            try {
                child = Child.start(socket, path, command);
            } catch (Throwable e) {
                failure = e;
                return;
            } finally {
                begin.countDown();
            }
            status = child.await();
            end.countDown();
        }

        boolean hasEnded() {
            return end.getCount() == 0;
        }

        boolean awaitEnd(long milliseconds) {
            try {
                return end.await(milliseconds, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return hasEnded();
            }
        }
    }

    /**
     * Starts nothing yet.
     *
     * @param text what the user wrote, as it may be shown
     */
    PrivateServer(String text, String command) throws IOException {
        this.text = text;
        try {
            this.command = Words.split(command, false);
        } catch (IllegalArgumentException e) {
            throw new IOException(text + ": " + e.getMessage(), e);
        }
        if (this.command.isEmpty()) {
            throw new IOException(text + ": names no command");
        }
        String temporary = System.getenv().getOrDefault("TMPDIR", "");
        folder = Files.createTempDirectory(Path.of(temporary.isEmpty() || temporary.length() > MOST_LENGTH ? "/tmp" : temporary), "abusectl");
        socket = folder.resolve("nbd");
    }

    String text() {
        return text;
    }

    NbdUri uri() {
        return NbdUri.ofSocket(text, socket.toString());
    }

    /** Connects, and starts it before that if it does not run. */
    Handshake.Result connect(long limit, BooleanSupplier unwanted) throws IOException {
        Run now = running();
        try {
            return Handshake.with(uri(), limit == Handshake.LIMIT_NS ? BEGIN_NS : limit, () -> now.hasEnded() || unwanted.getAsBoolean());
        } catch (IOException e) {
            if (unwanted.getAsBoolean() || !now.awaitEnd(MOMENT_MS)) {
                throw e;
            }
            throw new IOException("'" + command.get(0) + "' " + how(now.status), e);
        }
    }

    private static String how(int status) {
        return status == NOT_FOUND ? "is not found, or cannot be executed"
                : status == 0 ? "has ended, but should serve until it is told to end, and not go to the background"
                : status > SIGNAL ? "was ended by signal " + (status - SIGNAL)
                : "has ended with status " + status;
    }

    private synchronized Run running() throws IOException {
        if (closed) {
            throw new IOException("it was closed");
        }
        if (run == null || run.hasEnded()) {
            // A new socket: an old connection that nobody has taken would be the first one, and some servers end after that
            Files.deleteIfExists(socket);
            int listening = Unix.listen(socket.toString());
            if (listening < 0) {
                throw new IOException(socket + ": " + Unix.strerror(-listening));
            }
            try {
                run = new Run(listening, socket.toString(), command);
            } finally {
                // Only the server has it, so that connections fail when it has ended
                Unix.close(listening);
            }
        }
        return run;
    }

    @Override
    public void close() {
        Run last;
        synchronized (this) {
            closed = true;
            last = run;
        }
        if (last != null) {
            last.child.terminate();
            if (!last.awaitEnd(END_MS)) {
                last.child.kill();
            }
        }
        try {
            Files.deleteIfExists(socket);
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            // Nobody is hurt by an empty folder
        }
    }
}
