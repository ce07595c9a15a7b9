// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AddressedBackend;
import abuse.backend.Backend;
import abuse.backend.Geometry;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Devices;
import abuse.device.Flag;
import abuse.device.Status;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Answers the requests of one device from one backend until it is told to stop: with a thread and
 * an open control node for each hardware queue, or several if the backend has to wait for its
 * storage in them. Any number of servers may serve one device.
 */
public final class Server {
    /** How often to look whether a device was set up. */
    private static final long SETUP_CHECK_MS = 200;

    /** Makes the backend once the disk is known. */
    public interface BackendOpener {
        Backend open(Geometry geometry) throws IOException;
    }

    /** Who wants to know what happens. Called by several threads. */
    public interface Listener {
        /** The device is not set up, and the server waits for that. */
        void waiting();

        /** Requests are answered from now on. */
        void ready(Status status);

        /** Something went wrong, and the server goes on. */
        void problem(String message);
    }

    private final Devices devices;
    private final String path;
    private final BackendOpener opener;
    private final Listener listener;
    private final Problems problems;

    private final List<Worker> workers = new ArrayList<>();
    private boolean stopping;

    /** A server of the device at a path. */
    public Server(Devices devices, String path, BackendOpener opener, Listener listener) {
        this.devices = devices;
        this.path = path;
        this.opener = opener;
        this.listener = listener;
        problems = new Problems(listener, Problems.INTERVAL_NS);
    }

    /**
     * Serves until {@link #stop}; then what was taken is answered, and nothing else.
     *
     * @throws DeviceException when there is no such device, or it is reset: reason NOT_SET_UP
     * @throws IOException when the backend does not fit
     */
    public void run() throws IOException {
        Status status = awaitSetup();
        if (status == null) {
            return;
        }
        var geometry = new Geometry(status.number(), status.capacity(), status.blockSize(),
                status.maxRequest(), status.flags().contains(Flag.READ_ONLY));
        try (Backend backend = opener.open(geometry)) {
            if (backend.size() >= 0 && backend.size() != status.capacity()) {
                throw new SizeMismatchException(backend.size(), status.capacity());
            }
            try {
                serve(backend, status);
            } finally {
                closeDevices();
                problems.summarize();
            }
        }
    }

    /** Makes {@link #run} return soon, from any thread. */
    public synchronized void stop() {
        stopping = true;
        workers.forEach(Worker::drain);
        notifyAll();
    }

    private synchronized Status awaitSetup() throws DeviceException {
        try (Device device = devices.open(path)) {
            Status status = device.status();
            if (!status.isSetUp()) {
                listener.waiting();
            }
            // Not poll: that only tells of a first request, which may be long in coming
            while (!status.isSetUp() && !stopping) {
                wait(SETUP_CHECK_MS);
                status = device.status();
            }
            return stopping ? null : status;
        } catch (InterruptedException e) {
            return null;
        }
    }

    private void serve(Backend backend, Status status) throws IOException {
        var threads = new ArrayList<Thread>();
        var extent = new Extent(backend, status.capacity());
        // Inherited by all threads: the kernel slows down whoever writes when much is to be written, and
        // this disk's share of that would wait for us. As root only, and no error without.
        Unix.becomeIoFlusher();
        int together = backend instanceof AddressedBackend ? 1 : Math.max(1, backend.threads());
        synchronized (this) {
            for (int i = 0; i < status.queues() * together; i++) {
                int queue = i / together;
                var worker = new Worker(devices.open(path), queue, together, status, backend, extent, problems);
                workers.add(worker);
                threads.add(new Thread(() -> {
                    worker.run();
                    if (worker.failure() != null) {
                        stop();
                    }
                }, "queue " + queue));
            }
            if (stopping) {
                return;
            }
        }
        threads.forEach(Thread::start);
        listener.ready(status);
        threads.forEach(Server::join);
        for (Worker worker : workers) {
            if (worker.failure() instanceof IOException e) {
                throw e;
            }
            if (worker.failure() != null) {
                throw new IllegalStateException(worker.failure());
            }
        }
    }

    static void join(Thread thread) {
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

    private synchronized void closeDevices() {
        workers.forEach(Worker::close);
        workers.clear();
    }
}
