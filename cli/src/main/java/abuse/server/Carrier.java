// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AddressedBackend;
import abuse.device.Batch;
import abuse.device.DeviceException;
import abuse.device.Operation;
import abuse.device.Request;
import abuse.device.Result;
import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Carries out requests that wait for storage, with the memory that one thread needs for that. */
final class Carrier implements AutoCloseable {
    /** The most requests at a time. */
    private static final int TOGETHER = 64;

    final Request[] requests = new Request[TOGETHER];
    private final Result[] results = new Result[TOGETHER];
    /** Whether the data goes through {@link #data}: the backend has no address for it, or the kernel refused that. */
    private final boolean[] refused = new boolean[TOGETHER];
    private final Batch batch = new Batch(TOGETHER).receiveNothing().onRefusal(this::refuse);
    /** For data that the kernel cannot move to or from the backend's addresses; made when it is needed. */
    private Memory data;
    /** Whose requests these are. */
    private SlowPath path;

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

    /** Answers the first n requests; some stay owned if this throws. */
    void answer(SlowPath of, int n) throws DeviceLostException {
        path = of;
        try {
            answerAll(n);
        } finally {
            batch.forget();
        }
    }

    private void answerAll(int n) throws DeviceLostException {
        for (int i = 0; i < n; i++) {
            results[i] = Result.OKAY;
            refused[i] = false;
            if (requests[i].operation() == Operation.WRITE) {
                try {
                    long address = path.backend.writeAddress(requests[i].offset(), requests[i].length());
                    refused[i] = address == AddressedBackend.SCATTERED;
                    if (!refused[i]) {
                        batch.copy(i, requests[i], address);
                    }
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
                } catch (DeviceLostException e) {
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
                    address = path.backend.readAddress(requests[i].offset(), requests[i].length());
                } catch (Throwable e) {
                    fail(i, e);
                }
                refused[i] = address == AddressedBackend.SCATTERED;
                if (refused[i]) {
                    continue;
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

    private void callBackend(Request request, int i) throws IOException, DeviceLostException {
        switch (request.operation()) {
            case READ, FLUSH -> { }
            case WRITE -> {
                if (refused[i]) {
                    writeByBuffer(i);
                }
            }
            case DISCARD -> {
                if (isOurs(i)) {
                    path.backend.discard(request.offset(), request.length());
                }
            }
            case WRITE_ZEROES -> {
                if (isOurs(i)) {
                    path.backend.writeZeroes(request.offset(), request.length());
                }
            }
            default -> throw new IOException(Responder.UNKNOWN_REQUEST);
        }
    }

    /** Whether we still own the request: a thread that wakes late must not undo what was written since. */
    private boolean isOurs(int i) throws DeviceLostException {
        long before = batch.stale();
        batch.copy(i, requests[i], 0);
        transfer();
        return batch.stale() == before;
    }

    private void flush(int n) {
        try {
            path.backend.flush();
        } catch (Throwable e) {
            for (int i = 0; i < n; i++) {
                if (flushes(requests[i])) {
                    fail(i, e);
                }
            }
        }
    }

    /** Writes by the backend's own method, which works or says why it does not. */
    private void writeByBuffer(int i) throws IOException, DeviceLostException {
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
            path.backend.write(requests[i].offset(), buffer);
            Responder.checkMoved(buffer);
        }
    }

    private void readByBuffer(int i) throws DeviceLostException {
        try {
            ByteBuffer buffer = buffer(i);
            path.backend.read(requests[i].offset(), buffer);
            Responder.checkMoved(buffer);
        } catch (Throwable e) {
            fail(i, e);
        }
        batch.answer(i, requests[i], results[i], data == null ? 0 : data.address());
        transfer();
    }

    private ByteBuffer buffer(int i) {
        if (data == null || data.size() < path.maxRequest) {
            Memory larger = Memory.map(path.maxRequest);
            if (data != null) {
                data.close();
            }
            data = larger;
        }
        return data.buffer().slice(0, (int) requests[i].length());
    }

    private void fail(int i, Throwable e) {
        results[i] = Slot.resultOf(e, path.problems);
    }

    private void transfer() throws DeviceLostException {
        try {
            while (batch.answers() > 0) {
                path.device.transfer(batch);
            }
        } catch (DeviceException e) {
            throw new DeviceLostException(e);
        }
    }

    /** Whether a request is answered only after a flush of the backend. */
    private boolean flushes(Request request) {
        return switch (request.operation()) {
            case FLUSH -> true;
            case READ -> false;
            default -> request.fua() || path.writeThrough;
        };
    }
}
