// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AddressedBackend;
import abuse.device.Batch;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Operation;
import abuse.device.Request;
import abuse.device.Result;
import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;

/**
 * Carries out requests that would keep a worker waiting for storage, in threads of its own, which start with the
 * first such request. They share the worker's open control node, which owns the requests.
 */
final class SlowPath implements AutoCloseable {
    /** The most requests that one thread takes at a time. */
    private static final int TOGETHER = 64;

    private final String name;
    private final Device device;
    private final AddressedBackend backend;
    private final boolean writeThrough;
    private final int maxRequest;
    private final Problems problems;
    private final int maxThreads;
    private final Consumer<Throwable> onFailure;

    private final Queue<Request> waiting = new ArrayDeque<>();
    private final List<Thread> threads = new ArrayList<>();
    private int idle;
    private boolean closed;

    /**
     * Starts no thread yet.
     *
     * @param writeThrough whether every change of the disk must be durable before it is answered
     * @param maxThreads the most threads at once
     * @param onFailure called when requests can be neither carried out nor failed; they stay owned
     */
    SlowPath(String name, Device device, AddressedBackend backend, boolean writeThrough, int maxRequest,
            Problems problems, int maxThreads, Consumer<Throwable> onFailure) {
        this.name = name;
        this.device = device;
        this.backend = backend;
        this.writeThrough = writeThrough;
        this.maxRequest = maxRequest;
        this.problems = problems;
        this.maxThreads = maxThreads;
        this.onFailure = onFailure;
    }

    /** Takes over a request whose range the backend has; false if there is no memory for that. */
    synchronized boolean add(Request request) {
        try {
            if (waiting.size() >= idle && threads.size() < maxThreads) {
                start();
            }
            waiting.add(request);
            notify();
            return true;
        } catch (OutOfMemoryError e) {
            problems.report(e);
            return false;
        }
    }

    /** Returns when all that was added is answered. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        Threads.join(threads, () -> {});
    }

    private void start() {
        Carrier carrier = null;
        try {
            carrier = new Carrier();
            var thread = new Thread(carrier, name + " " + threads.size());
            thread.setDaemon(true);
            threads.add(thread);
            try {
                thread.start();
            } catch (Throwable e) {
                threads.remove(thread);
                throw e;
            }
        } catch (OutOfMemoryError e) {
            if (carrier != null) {
                carrier.close();
            }
            // The threads that run already will get to the request
            if (threads.isEmpty()) {
                throw e;
            }
        }
    }

    /** Waits for requests, and returns how many it took; 0 means that no more will come. */
    private synchronized int take(Request[] requests) {
        idle++;
        while (waiting.isEmpty() && !closed) {
            try {
                wait();
            } catch (InterruptedException e) {
                // Only a backend can interrupt these threads, and what was added must be answered all the same
            }
        }
        idle--;
        // A group saves calls and flushes, but leaves work for the other threads
        int share = Math.min(requests.length, Math.max(1, waiting.size() / maxThreads));
        int n = 0;
        while (n < share && !waiting.isEmpty()) {
            requests[n++] = waiting.remove();
        }
        return n;
    }

    /** Whether a request is answered only after a flush of the backend. */
    private boolean flushes(Request request) {
        return switch (request.operation()) {
            case FLUSH -> true;
            case READ -> false;
            default -> request.fua() || writeThrough;
        };
    }

    /** What one thread does, and the memory that it needs. */
    private final class Carrier implements Runnable, AutoCloseable {
        private final Request[] requests = new Request[TOGETHER];
        private final Result[] results = new Result[TOGETHER];
        private final boolean[] refused = new boolean[TOGETHER];
        private final Batch batch = new Batch(TOGETHER).receiveNothing().onRefusal(this::refuse);
        /** For data that the kernel cannot move to or from the backend's addresses; made when it is needed. */
        private Memory data;

        @Override
        public void run() {
            try (this) {
                for (int n = take(requests); n > 0; n = take(requests)) {
                    try {
                        answerAll(n);
                    } catch (Lost e) {
                        batch.forget();
                        if (e.reason.reason() != DeviceException.Reason.NOT_SET_UP) {
                            onFailure.accept(e.reason);
                        }
                    } catch (Throwable e) {
                        batch.forget();
                        onFailure.accept(e);
                    }
                }
            }
        }

        @Override
        public void close() {
            batch.close();
            if (data != null) {
                data.close();
            }
        }

        /** Takes over at the first refusal, which is of the backend's address; after a second one nothing is left to try. */
        private boolean refuse(int i, int errno) {
            boolean first = !refused[i];
            refused[i] = true;
            return first;
        }

        private void answerAll(int n) throws Lost {
            for (int i = 0; i < n; i++) {
                results[i] = Result.OKAY;
                refused[i] = false;
                if (requests[i].operation() == Operation.WRITE) {
                    try {
                        batch.copy(i, requests[i], backend.writeAddress(requests[i].offset(), requests[i].length()));
                    } catch (Throwable e) {
                        fail(i, e);
                    }
                }
            }
            transfer();
            boolean flush = false;
            for (int i = 0; i < n; i++) {
                if (results[i] == Result.OKAY) {
                    try {
                        callBackend(requests[i], i);
                        flush |= flushes(requests[i]);
                    } catch (Lost e) {
                        throw e;
                    } catch (Throwable e) {
                        fail(i, e);
                    }
                }
            }
            if (flush) {
                flush(n);
            }
            for (int i = 0; i < n; i++) {
                long address = 0;
                if (requests[i].operation() == Operation.READ) {
                    try {
                        address = backend.readAddress(requests[i].offset(), requests[i].length());
                    } catch (Throwable e) {
                        fail(i, e);
                    }
                }
                batch.answer(i, requests[i], results[i], address);
            }
            transfer();
            for (int i = 0; i < n; i++) {
                if (refused[i] && requests[i].operation() == Operation.READ) {
                    readByBuffer(i);
                }
            }
        }

        private void callBackend(Request request, int i) throws IOException, Lost {
            switch (request.operation()) {
                case READ, FLUSH -> { }
                case WRITE -> {
                    if (refused[i]) {
                        writeByBuffer(i);
                    }
                }
                case DISCARD -> {
                    if (isOurs(i)) {
                        backend.discard(request.offset(), request.length());
                    }
                }
                case WRITE_ZEROES -> {
                    if (isOurs(i)) {
                        backend.writeZeroes(request.offset(), request.length());
                    }
                }
                default -> throw new IOException(Worker.UNKNOWN_REQUEST);
            }
        }

        /** Whether we still own the request: a thread that wakes late must not undo what was written since. */
        private boolean isOurs(int i) throws Lost {
            long before = batch.stale();
            batch.copy(i, requests[i], 0);
            transfer();
            return batch.stale() == before;
        }

        private void flush(int n) {
            try {
                backend.flush();
            } catch (Throwable e) {
                for (int i = 0; i < n; i++) {
                    if (flushes(requests[i])) {
                        fail(i, e);
                    }
                }
            }
        }

        /** Writes by the backend's own method, which works or says why it does not. */
        private void writeByBuffer(int i) throws IOException, Lost {
            ByteBuffer buffer = buffer(i);
            long stale = batch.stale();
            long refusals = batch.refused();
            batch.copy(i, requests[i], data.address());
            transfer();
            if (batch.refused() != refusals) {
                // The buffer still holds another request's data
                throw new IOException("the data of a write can no longer be read");
            }
            if (batch.stale() == stale) {
                backend.write(requests[i].offset(), buffer);
            }
        }

        private void readByBuffer(int i) throws Lost {
            try {
                backend.read(requests[i].offset(), buffer(i));
            } catch (Throwable e) {
                fail(i, e);
            }
            batch.answer(i, requests[i], results[i], data == null ? 0 : data.address());
            transfer();
        }

        private ByteBuffer buffer(int i) {
            if (data == null) {
                data = Memory.map(maxRequest);
            }
            return data.buffer().slice(0, (int) requests[i].length());
        }

        private void fail(int i, Throwable e) {
            results[i] = Result.MEDIA_FAILURE;
            problems.report(e);
        }

        private void transfer() throws Lost {
            try {
                while (batch.answers() > 0) {
                    device.transfer(batch);
                }
            } catch (DeviceException e) {
                throw new Lost(e);
            }
        }
    }

    /**
     * The kernel takes no more answers; after a reset that is no failure, as nothing is left to answer. This is not a
     * DeviceException, because a backend may throw one about a device of its own.
     */
    private static final class Lost extends Exception {
        private static final long serialVersionUID = 1;

        private final DeviceException reason;

        Lost(DeviceException reason) {
            super(reason);
            this.reason = reason;
        }
    }
}
