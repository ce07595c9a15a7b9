// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AddressedBackend;
import abuse.backend.Backend;
import abuse.device.Batch;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.Result;
import abuse.device.Status;
import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Serves one hardware queue, alone or with others: takes a batch of requests, carries them out, and sends the answers
 * with the call that takes the next batch. Its loop allocates nothing.
 */
final class Worker implements AutoCloseable {
    static final String UNKNOWN_REQUEST = "a kind of request that this server does not know";

    private static final int ADDRESSED_ROOM = 256;
    private static final int BUFFERED_ROOM = 32;
    private static final int BUFFER_SIZE = 8 << 20;
    /** How many reads of a cold image are under way at once. */
    private static final int FETCHERS = 8;

    private final Device device;
    private final Backend backend;
    private final DiskSize diskSize;
    private final boolean writeThrough;
    private final Problems problems;

    /** The backend, if the kernel can reach its bytes by itself; else null. */
    private final AddressedBackend addressed;
    /** Where data passes between kernel and backend; null for an addressed one. */
    private final Memory data;
    private final Pieces pieces;
    private final Batch batch;
    /** Made in advance, so that a server that has no memory left can be stopped. */
    private final Batch draining;
    private final Result[] results;
    /** Carries out what is not in memory; null unless the backend has storage behind its addresses. */
    private final SlowPath fetching;
    /** Makes durable one group of requests at a time, while the next one gathers; null likewise. */
    private final SlowPath flushing;

    private volatile boolean drained;
    private volatile Throwable failure;

    /**
     * Takes no request yet.
     *
     * @param workers how many serve this queue
     */
    Worker(Device device, int queue, int workers, Status status, Backend backend, DiskSize diskSize, Problems problems) {
        this.device = device;
        this.backend = backend;
        this.diskSize = diskSize;
        this.problems = problems;
        writeThrough = !status.flags().contains(Flag.WRITE_CACHE);
        addressed = backend instanceof AddressedBackend a ? a : null;
        data = addressed == null ? Memory.map(Math.max(BUFFER_SIZE / workers, status.maxRequest())) : null;
        pieces = data == null ? null : new Pieces(data, status.blockSize(), status.maxRequest());
        // With several workers each takes one request: a second one would wait while another worker is idle
        int room = Math.min(status.queueDepth(), data == null ? ADDRESSED_ROOM : workers == 1 ? BUFFERED_ROOM : 1);
        results = new Result[room];
        try {
            draining = new Batch(1).drain();
            batch = new Batch(room, data).from(queue).waitFor(1, -1);
        } catch (RuntimeException | Error e) {
            if (data != null) {
                data.close();
            }
            throw e;
        }
        if (addressed != null && addressed.isStored()) {
            batch.refuseToWait().onRefusal(this::refused);
            fetching = new SlowPath("fetch " + queue, device, addressed, writeThrough, status.maxRequest(), problems,
                    FETCHERS, this::fail);
            flushing = new SlowPath("flush " + queue, device, addressed, writeThrough, status.maxRequest(), problems,
                    1, this::fail);
        } else {
            fetching = null;
            flushing = null;
        }
    }

    /** Looks for requests before it sleeps, for as long as {@link Batch#lookFor} says. Before {@link #run}. */
    void lookFor(int nanoseconds) {
        batch.lookFor(nanoseconds);
    }

    /** Serves until drained, or until {@link #failure}. */
    void run() {
        try {
            // The kernel slows down writers when there is much to write back, and the part of that for this disk
            // waits for us. Threads that this one starts inherit the setting. Only root may make it, and a server
            // without it works, too
            Unix.becomeIoFlusher();
            long refused = 0;
            do {
                device.transfer(batch);
                if (batch.refused() != refused) {
                    refused = batch.refused();
                    problems.report("the kernel cannot reach the data of a request");
                }
                if (addressed == null) {
                    answerAll();
                } else {
                    for (int i = 0; i < batch.requests(); i++) {
                        locate(i);
                    }
                }
                // Before a drain an empty batch means that a signal ended the wait
            } while (batch.requests() > 0 || batch.answers() > 0 || !drained);
        } catch (Throwable e) {
            fail(e);
        }
        if (fetching != null) {
            fetching.close();
            flushing.close();
        }
    }

    /** Why {@link #run} returned early, or null; valid after it has. */
    Throwable failure() {
        return failure;
    }

    /** Makes {@link #run} return when it has answered what it took. */
    synchronized void drain() {
        drained = true;
        try {
            device.transfer(draining);
        } catch (DeviceException e) {
            // A device that is gone has nothing to hand out; run() finds out too
        }
    }

    @Override
    public void close() {
        device.close();
        draining.close();
        batch.close();
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

    private boolean refused(int i, int errno) {
        try {
            return (errno == Unix.EAGAIN || errno == Unix.EFAULT) && fetching.add(batch.request(i));
        } catch (Throwable e) {
            problems.report(e);
            return false;
        }
    }

    /** Tells where the kernel finds or leaves the data of request i. */
    private void locate(int i) {
        long address = 0;
        Result result = Result.OKAY;
        try {
            Operation operation = batch.operation(i);
            if (operation != Operation.FLUSH) {
                checkRange(i);
            }
            if (operation == Operation.READ) {
                address = addressed.readAddress(batch.offset(i), batch.length(i));
            } else if (flushing != null && (operation != Operation.WRITE || mustBeDurable(i))) {
                if (flushing.add(batch.request(i))) {
                    return;
                }
                result = Result.MEDIA_FAILURE;
            } else if (operation == Operation.WRITE) {
                address = addressed.writeAddress(batch.offset(i), batch.length(i));
            } else {
                callBackend(operation, i);
            }
        } catch (Throwable e) {
            // Even without memory: somebody waits for the answer
            result = Result.MEDIA_FAILURE;
            problems.report(e);
        }
        batch.answer(i, result, address);
    }

    /** Moves the data of all requests, and then makes durable together what must be. */
    private void answerAll() {
        boolean flush = false;
        for (int i = 0; i < batch.requests(); i++) {
            results[i] = Result.OKAY;
            try {
                callBackend(batch.operation(i), i);
                flush |= mustBeDurable(i);
            } catch (Throwable e) {
                results[i] = Result.MEDIA_FAILURE;
                problems.report(e);
            }
        }
        if (flush) {
            flush();
        }
        for (int i = 0; i < batch.requests(); i++) {
            batch.answer(i, results[i], batch.operation(i) == Operation.READ ? batch.address(i) : 0);
        }
    }

    private void callBackend(Operation operation, int i) throws IOException {
        if (operation == Operation.FLUSH) {
            return;
        }
        checkRange(i);
        switch (operation) {
            case READ -> {
                ByteBuffer into = bufferOf(i);
                backend.read(batch.offset(i), into);
                checkMoved(into);
            }
            case WRITE -> {
                ByteBuffer from = bufferOf(i);
                backend.write(batch.offset(i), from);
                checkMoved(from);
            }
            case DISCARD -> backend.discard(batch.offset(i), batch.length(i));
            case WRITE_ZEROES -> backend.writeZeroes(batch.offset(i), batch.length(i));
            default -> throw new IOException(UNKNOWN_REQUEST);
        }
    }

    private void flush() {
        try {
            backend.flush();
        } catch (Throwable e) {
            problems.report(e);
            for (int i = 0; i < batch.requests(); i++) {
                if (mustBeDurable(i)) {
                    results[i] = Result.MEDIA_FAILURE;
                }
            }
        }
    }

    private boolean mustBeDurable(int i) {
        Operation operation = batch.operation(i);
        return operation == Operation.FLUSH || operation != Operation.READ && (writeThrough || batch.fua(i));
    }

    private void checkRange(int i) throws IOException {
        if (!diskSize.contains(batch.offset(i), batch.length(i))) {
            diskSize.grow(device);
            if (!diskSize.contains(batch.offset(i), batch.length(i))) {
                throw new IOException("a request beyond the end of the disk");
            }
        }
    }

    /** Fails if bytes are left over: a read would return another request's, which nobody may see. */
    private static void checkMoved(ByteBuffer buffer) throws IOException {
        if (buffer.hasRemaining()) {
            throw new IOException("the backend left out " + buffer.remaining() + " bytes of a request");
        }
    }

    private ByteBuffer bufferOf(int i) {
        return pieces.get((int) (batch.address(i) - data.address()), (int) batch.length(i));
    }
}
