// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AsyncBackend;
import abuse.backend.Backend;
import abuse.backend.Geometry;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Devices;
import abuse.device.Status;
import abuse.libc.Threads;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;

/**
 * Answers the requests of one device from one backend until it is told to stop. Each hardware queue has one thread
 * with an open control node, or several if the backend makes them wait for storage. Any number of servers may serve
 * one device, if they serve the same content. A server runs once.
 */
public final class Server {
    /** How often to look whether a device was set up. */
    static final long SETUP_CHECK_MS = 200;

    /** Opens the backend once the disk is known. */
    public interface BackendOpener {
        Backend open(Geometry geometry) throws IOException;
    }

    /** Is told what happens, by several threads. */
    public interface Listener {
        /** The device is not set up, and the server waits until it is. */
        void waiting();

        /** Requests are answered from now on, and others see that somebody serves. An exception ends the server. */
        void ready(Status status);

        /** Something went wrong, and the server goes on, even if this throws. */
        void problem(String message);
    }

    private final Devices devices;
    private final String path;
    private final String text;
    private final BackendOpener opener;
    private final Listener listener;
    private final Problems problems;
    private final ThreadFactory threadFactory;

    private final List<QueueServer> workers = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private boolean shared;
    private boolean map = true;
    private int look;
    private long limit;
    /** Null unless the backend answers later. */
    private Watch watch;
    /** How many have asked for requests. */
    private int asked;
    private boolean started;
    private boolean stopping;

    /**
     * A server of the device at a path.
     *
     * @param text what it serves, as shown to servers that are refused because of it
     */
    public Server(Devices devices, String path, String text, BackendOpener opener, Listener listener) {
        this(devices, path, text, opener, listener, Thread::new);
    }

    Server(Devices devices, String path, String text, BackendOpener opener, Listener listener,
            ThreadFactory threadFactory) {
        this.devices = devices;
        this.path = path;
        this.text = text;
        this.opener = opener;
        this.listener = listener;
        this.threadFactory = threadFactory;
        problems = new Problems(listener, Problems.INTERVAL_NS);
    }

    /** Allows other servers beside this one, without a check that they serve the same. */
    public Server shared() {
        shared = true;
        return this;
    }

    /** Carries out all requests itself, even if the disk was set up so that its backend could map it. */
    public Server withoutMap() {
        map = false;
        return this;
    }

    /**
     * Looks for requests before it sleeps, so that answers come sooner and cost more CPU time.
     *
     * @param nanoseconds at most {@link abuse.device.Batch#MAX_LOOK}; negative for as long as was worth it lately
     */
    public Server lookFor(int nanoseconds) {
        look = nanoseconds;
        return this;
    }

    /**
     * Fails requests that take longer; only with an {@link AsyncBackend}.
     *
     * @param nanoseconds from when the server takes a request; 0 for no limit
     */
    public Server limitTo(long nanoseconds) {
        limit = nanoseconds;
        return this;
    }

    /**
     * Serves until {@link #stop}, or until the calling thread is interrupted; then what was taken is
     * answered, and nothing else.
     *
     * @throws abuse.device.OtherContentException when another server serves something else
     * @throws DeviceException when there is no such device, or it is reset: reason NOT_SET_UP
     * @throws IOException when the backend does not fit
     * @throws IllegalStateException when it ran before
     */
    public void run() throws IOException {
        synchronized (this) {
            if (started) {
                throw new IllegalStateException("a server runs once");
            }
            started = true;
        }
        Status status = awaitSetup();
        if (status == null) {
            return;
        }
        try (Disk disk = Disk.open(devices, path, text, status, shared, map, opener)) {
            try {
                serve(disk);
            } finally {
                end();
                problems.summarize();
            }
        }
    }

    /** Makes {@link #run} return soon, from any thread. */
    public synchronized void stop() {
        stopping = true;
        workers.forEach(QueueServer::drain);
        notifyAll();
    }

    /** Whether the calling thread is one of those that serve, and that the end of {@link #run} waits for. */
    public synchronized boolean isOwnThread() {
        return threads.contains(Thread.currentThread()) || watch != null && watch.isOwnThread()
                || workers.stream().anyMatch(QueueServer::isOwnThread);
    }

    private synchronized Status awaitSetup() throws DeviceException {
        try (Device device = devices.open(path)) {
            Status status = device.status();
            if (!status.isSetUp()) {
                listener.waiting();
            }
            // Not poll, which tells only of a first request, and that may be long in coming
            while (!status.isSetUp() && !stopping) {
                wait(SETUP_CHECK_MS);
                status = device.status();
            }
            return stopping ? null : status;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }

    private void serve(Disk disk) throws IOException {
        open(disk);
        disk.map();
        synchronized (this) {
            if (stopping) {
                return;
            }
            // Under the lock, so that a stop finds all of them or none
            threads.forEach(Thread::start);
        }
        if (awaitAsked()) {
            listener.ready(disk.status());
        }
        Threads.join(threads, this::stop);
        for (QueueServer worker : workers) {
            if (worker.failure() instanceof IOException e) {
                throw e;
            }
            if (worker.failure() != null) {
                throw new IllegalStateException(worker.failure());
            }
        }
    }

    private synchronized void haveAsked() {
        asked++;
        notifyAll();
    }

    /** Waits until all workers have asked for requests, as before that the kernel says that nobody serves; false if one will not. */
    private synchronized boolean awaitAsked() {
        try {
            while (asked < workers.size() && !stopping) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return asked == workers.size();
    }

    /** Opens a control node for each worker, and says what it serves. */
    private synchronized void open(Disk disk) throws IOException {
        var async = disk.backend() instanceof AsyncBackend b ? b : null;
        int together = disk.isAddressed() || async != null ? 1 : Math.max(1, disk.backend().threads());
        Device last = null;
        for (int i = 0; i < disk.status().queues() * together; i++) {
            int queue = i / together;
            Device device = disk.node(queue);
            last = device;
            QueueServer worker;
            try {
                worker = async != null ? new AsyncWorker(device, queue, disk.status(), async, disk.size(), limit, problems)
                        : new Worker(device, queue, together, disk.status(), disk.backend(), disk.size(), problems);
            } catch (RuntimeException | Error e) {
                device.close();
                throw e;
            }
            worker.lookFor(look);
            workers.add(worker);
            Thread thread = threadFactory.newThread(() -> run(worker));
            thread.setName("queue " + queue);
            threads.add(thread);
        }
        if (async != null) {
            async.tellProblemsTo(problems::change);
            Device node = last;
            int ours = workers.size();
            async.serveTogetherWith(() -> Disk.isServedByOthers(node, ours));
            if (limit > 0) {
                async.limitTo(limit);
            }
            watch = new Watch(workers.stream().map(AsyncWorker.class::cast).toList(), async, text, limit, problems);
            watch.start();
        }
    }

    private void run(QueueServer worker) {
        try {
            worker.run(this::haveAsked);
        } finally {
            synchronized (this) {
                if (!stopping) {
                    // It ends by itself only when it has failed
                    stop();
                }
            }
        }
    }

    /** Closes what the threads use, after the last of them has ended. */
    private void end() {
        stop();
        Threads.join(threads, this::stop);
        if (watch != null) {
            watch.close();
        }
        synchronized (this) {
            workers.forEach(QueueServer::close);
            workers.clear();
        }
    }
}
