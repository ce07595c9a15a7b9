// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AddressedBackend;
import abuse.backend.Backend;
import abuse.device.Batch;
import abuse.device.Device;
import abuse.device.Status;
import abuse.libc.Memory;
import abuse.libc.Unix;

/** Serves one hardware queue, alone or with others, in a thread that waits for its requests. */
final class Worker implements QueueServer {
    private static final int ADDRESSED_ROOM = 256;
    private static final int BUFFERED_ROOM = 32;
    private static final int BUFFER_SIZE = 8 << 20;
    /** How many reads of a cold image are under way at once. */
    private static final int FETCHERS = 8;

    private final Device device;
    /** Where data passes between kernel and backend; null for an addressed one. */
    private final Memory data;
    /** Made in advance, so that a server that has no memory left can be stopped. */
    private final Batch draining;
    private final StorageThreads storage;
    private final Responder responder;

    private volatile boolean drained;
    private volatile Throwable failure;

    /**
     * Takes no request yet.
     *
     * @param workers how many serve this queue
     */
    Worker(Device device, int queue, int workers, Status status, Backend backend, DiskSize diskSize, Problems problems) {
        this.device = device;
        data = backend instanceof AddressedBackend ? null
                : Memory.map(Math.max(BUFFER_SIZE / workers, status.maxRequest()));
        // With several workers each takes one request: a second one would wait while another worker is idle
        int room = Math.min(status.queueDepth(), data == null ? ADDRESSED_ROOM : workers == 1 ? BUFFERED_ROOM : 1);
        // One more makes writes durable meanwhile
        storage = new StorageThreads("storage " + queue, FETCHERS + 1);
        try {
            draining = new Batch(1).drain();
            responder = new Responder(device, room, status, backend, diskSize, problems, storage, FETCHERS, this::fail);
            responder.batch().from(queue);
            if (data != null) {
                responder.use(new Pieces(data, status.blockSize(), status.maxRequest()));
            }
        } catch (RuntimeException | Error e) {
            if (data != null) {
                data.close();
            }
            throw e;
        }
    }

    @Override
    public void lookFor(int nanoseconds) {
        responder.batch().lookFor(nanoseconds);
    }

    @Override
    public void run(Runnable onAsked) {
        try {
            // The kernel slows down writers when there is much to write back, and the part of that for this disk
            // waits for us. Threads that this one starts inherit the setting. Only root may make it, and a server
            // without it works, too
            Unix.becomeIoFlusher();
            responder.receive();
            onAsked.run();
            responder.carryOut();
            responder.batch().waitFor(1, -1);
            while (responder.exchange() || !drained) {
                // Before a drain an exchange of nothing means that a signal ended the wait
            }
        } catch (Throwable e) {
            fail(e);
        }
        responder.finish();
        storage.close();
    }

    @Override
    public Throwable failure() {
        return failure;
    }

    @Override
    public boolean isOwnThread() {
        return storage.isOwnThread();
    }

    @Override
    public synchronized void drain() {
        drained = true;
        try {
            device.transfer(draining);
        } catch (Throwable e) {
            // A device that is gone has nothing to hand out; run() finds out too
        }
    }

    @Override
    public void close() {
        device.close();
        draining.close();
        responder.close();
        if (data != null) {
            data.close();
        }
    }

    /** Ends {@link #run}, from any of this worker's threads; requests that are not answered then go to other servers. */
    private void fail(Throwable e) {
        if (failure == null) {
            failure = e;
        }
        drain();
    }
}
