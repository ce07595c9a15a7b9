// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AddressedBackend;
import abuse.backend.Backend;
import abuse.device.Batch;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Operation;
import abuse.device.Result;
import abuse.device.Status;
import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Serves one hardware queue: takes a batch of requests, carries them out, and hands in the answers
 * with the call that takes the next batch. Its loop allocates nothing.
 */
final class Worker implements AutoCloseable {
    private static final int ADDRESSED_ROOM = 256;
    /** Smaller, as the first of a batch is answered only with its last. */
    private static final int BUFFERED_ROOM = 32;
    private static final int BUFFER_SIZE = 8 << 20;

    private final Device device;
    private final long capacity;
    private final Backend backend;
    private final Problems problems;

    /** The backend, if the kernel can reach its bytes by itself; else null. */
    private final AddressedBackend addressed;
    /** Where data passes between kernel and backend; null for an addressed one. */
    private final Memory data;
    private final ByteBuffer buffer;
    private final Batch batch;

    private volatile boolean draining;
    private Throwable failure;

    Worker(Device device, int queue, Status status, Backend backend, Problems problems) {
        this.device = device;
        this.backend = backend;
        this.problems = problems;
        capacity = status.capacity();
        addressed = backend instanceof AddressedBackend a ? a : null;
        data = addressed == null ? Memory.map(Math.max(BUFFER_SIZE, status.maxRequest())) : null;
        buffer = data == null ? null : data.buffer();
        int room = Math.min(status.queueDepth(), data == null ? ADDRESSED_ROOM : BUFFERED_ROOM);
        batch = new Batch(room, data).from(queue).waitFor(1, -1);
    }

    /** Serves until drained, or until {@link #failure}. */
    void run() {
        try {
            long refused = 0;
            do {
                device.transfer(batch);
                if (batch.refused() != refused) {
                    refused = batch.refused();
                    problems.report("the kernel cannot reach the data of a request");
                }
                for (int i = 0; i < batch.requests(); i++) {
                    answer(i);
                }
                // Without drain an empty batch is a wait that a signal cut short
            } while (batch.requests() > 0 || batch.answers() > 0 || !draining);
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
        }
    }

    /** Why {@link #run} returned early, or null; to be asked after it did. */
    Throwable failure() {
        return failure;
    }

    /** Makes {@link #run} return when it has answered what it took. */
    void drain() {
        draining = true;
        try {
            device.drain();
        } catch (DeviceException e) {
            // A device that is gone has nothing to hand out; run() finds out too
        }
    }

    @Override
    public void close() {
        device.close();
        batch.close();
        if (data != null) {
            data.close();
        }
    }

    private void answer(int i) {
        long address = 0;
        Result result = Result.OKAY;
        try {
            address = addressed == null ? carryOut(i) : locate(i);
            if (batch.fua(i)) {
                backend.flush();
            }
        } catch (Throwable e) {
            // Whatever it was, even no memory: somebody waits for the answer
            result = Result.MEDIA_FAILURE;
            problems.report(e);
        }
        batch.answer(i, result, address);
    }

    /** Moves the data of request i, and tells where it is. */
    private long carryOut(int i) throws IOException {
        Operation operation = batch.operation(i);
        switch (operation) {
            case READ -> backend.read(checkedOffset(i), bufferOf(i));
            case WRITE -> backend.write(checkedOffset(i), bufferOf(i));
            default -> {
                carryOutWithoutData(operation, i);
                return 0;
            }
        }
        return operation == Operation.READ ? batch.address(i) : 0;
    }

    /** Tells where the kernel finds or leaves the data of request i. */
    private long locate(int i) throws IOException {
        Operation operation = batch.operation(i);
        switch (operation) {
            case READ:
                return addressed.readAddress(checkedOffset(i), batch.length(i));
            case WRITE:
                return addressed.writeAddress(checkedOffset(i), batch.length(i));
            default:
                carryOutWithoutData(operation, i);
                return 0;
        }
    }

    private void carryOutWithoutData(Operation operation, int i) throws IOException {
        switch (operation) {
            case FLUSH -> backend.flush();
            case DISCARD -> backend.discard(checkedOffset(i), batch.length(i));
            case WRITE_ZEROES -> backend.writeZeroes(checkedOffset(i), batch.length(i));
            default -> throw new IOException("a request that this server does not know");
        }
    }

    /** A reconnect may have made the device larger than the backend. */
    private long checkedOffset(int i) throws IOException {
        long offset = batch.offset(i);
        if (offset > capacity - batch.length(i)) {
            throw new IOException("a request beyond the size the device had when this server started; start it anew");
        }
        return offset;
    }

    private ByteBuffer bufferOf(int i) {
        int position = (int) (batch.address(i) - data.address());
        return buffer.limit(position + (int) batch.length(i)).position(position);
    }
}
