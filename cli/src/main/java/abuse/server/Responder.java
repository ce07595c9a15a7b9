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
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.Consumer;

/**
 * Answers the requests of one open control node: takes a batch of them, carries them out, and sends the answers with
 * the call that takes the next batch. That allocates nothing. One thread at a time.
 */
final class Responder implements AutoCloseable {
    static final String UNKNOWN_REQUEST = "a kind of request that this server does not know";

    private final Device device;
    private final Backend backend;
    private final DiskSize diskSize;
    private final boolean writeThrough;
    private final Problems problems;

    /** The backend, if the kernel can reach its bytes by itself; else null. */
    private final AddressedBackend addressed;
    private final Batch batch;
    private final Result[] results;
    /** Carries out what is not in memory; null unless the backend has storage behind its addresses. */
    private final SlowPath fetching;
    /** Makes durable one group of requests at a time, while the next one gathers; null likewise. */
    private final SlowPath flushing;
    /** Where data passes between kernel and backend; null for an addressed one. */
    private Pieces data;
    private long refused;

    /**
     * Takes no request yet.
     *
     * @param room how many requests it takes at a time
     * @param threads wait for the backend's storage
     * @param fetchers how many of them read what is not in memory at once
     * @param onFailure called by these when requests can be neither carried out nor failed; they stay owned
     */
    Responder(Device device, int room, Status status, Backend backend, DiskSize diskSize, Problems problems,
            StorageThreads threads, int fetchers, Consumer<Throwable> onFailure) {
        this.device = device;
        this.backend = backend;
        this.diskSize = diskSize;
        this.problems = problems;
        writeThrough = !status.flags().contains(Flag.WRITE_CACHE);
        addressed = backend instanceof AddressedBackend a ? a : null;
        results = new Result[room];
        batch = new Batch(room);
        if (addressed != null && addressed.isStored()) {
            batch.refuseToWait().onRefusal(this::refused);
            fetching = new SlowPath(threads, device, addressed, writeThrough, status.maxRequest(), problems, fetchers, onFailure);
            flushing = new SlowPath(threads, device, addressed, writeThrough, status.maxRequest(), problems, 1, onFailure);
        } else {
            fetching = null;
            flushing = null;
        }
    }

    /** How it takes requests. */
    Batch batch() {
        return batch;
    }

    /** Sets the memory for the data of a backend that has no addresses; between exchanges without requests. */
    void use(Pieces pieces) {
        data = pieces;
        batch.useBuffer(pieces.memory());
    }

    /** Sends the answers, takes requests, and carries them out; false if there was nothing of all that. */
    boolean exchange() throws DeviceException {
        receive();
        return carryOut();
    }

    /** Sends the answers, and takes requests, which {@link #carryOut} must follow. */
    void receive() throws DeviceException {
        device.transfer(batch);
    }

    /** Carries out what was taken; false if there is nothing to answer. */
    boolean carryOut() {
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
        return batch.requests() > 0 || batch.answers() > 0;
    }

    /** Returns when all that waits for storage is answered; after the last exchange. */
    void finish() {
        if (fetching != null) {
            fetching.close();
            flushing.close();
        }
    }

    @Override
    public void close() {
        batch.close();
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
            if (address == AddressedBackend.SCATTERED) {
                if (fetching.add(batch.request(i))) {
                    return;
                }
                address = 0;
                result = Result.MEDIA_FAILURE;
            }
        } catch (Throwable e) {
            // Even without memory: somebody waits for the answer
            result = Slot.resultOf(e, problems);
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
                results[i] = Slot.resultOf(e, problems);
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
            Result result = Slot.resultOf(e, problems);
            for (int i = 0; i < batch.requests(); i++) {
                if (mustBeDurable(i)) {
                    results[i] = result;
                }
            }
        }
    }

    private boolean mustBeDurable(int i) {
        Operation operation = batch.operation(i);
        return operation == Operation.FLUSH || operation != Operation.READ && (writeThrough || batch.fua(i));
    }

    private void checkRange(int i) throws IOException {
        diskSize.check(device, batch.offset(i), batch.length(i));
    }

    /** Fails if bytes are left over: a read would return another request's, which nobody may see. */
    static void checkMoved(ByteBuffer buffer) throws IOException {
        if (buffer.hasRemaining()) {
            throw new IOException("the backend left out " + buffer.remaining() + " bytes of a request");
        }
    }

    private ByteBuffer bufferOf(int i) {
        return data.get((int) (batch.address(i) - data.memory().address()), (int) batch.length(i));
    }
}
