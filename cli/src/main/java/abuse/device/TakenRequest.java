// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;

/** One request that was taken by hand. Unless answered, it is given back when its device is closed. */
public final class TakenRequest implements AutoCloseable {
    private final Device device;
    private final Memory memory = Memory.map(Abi.ABUSE_MAX_REQUEST);
    private final Batch batch = new Batch(1, memory);

    private TakenRequest(Device device) {
        this.device = device;
    }

    /**
     * Takes a request.
     *
     * @param nanoseconds how long to wait for one: 0 not at all, negative without limit
     * @return empty when there is none
     */
    public static Optional<TakenRequest> from(Device device, long nanoseconds) throws DeviceException {
        var taken = new TakenRequest(device);
        taken.batch.waitFor(nanoseconds == 0 ? 0 : 1, nanoseconds);
        try {
            device.transfer(taken.batch);
            if (taken.batch.requests() == 1) {
                return Optional.of(taken);
            }
        } catch (DeviceException e) {
            taken.close();
            throw e;
        }
        taken.close();
        return Optional.empty();
    }

    /** The request that was taken. */
    public Request request() {
        return batch.request(0);
    }

    /** The bytes of a write, or zeros to be overwritten with those of a read. */
    public ByteBuffer data() {
        int start = (int) (batch.address(0) - memory.address());
        return memory.buffer().slice(start, (int) batch.length(0));
    }

    /** Answers the request; a read returns what {@link #data} holds. */
    public void answer(Result result) throws IOException {
        boolean read = batch.operation(0) == Operation.READ && result == Result.OKAY;
        batch.answer(0, result, read ? batch.address(0) : 0);
        device.transfer(batch.receiveNothing());
        if (batch.stale() > 0) {
            throw new IOException(device.path() + ": too late; the request is no longer ours");
        }
        if (batch.refused() > 0) {
            throw new IOException(device.path() + ": the answer was refused");
        }
    }

    @Override
    public void close() {
        batch.close();
        memory.close();
    }
}
