// SPDX-License-Identifier: Apache-2.0
import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Backend;
import abuse.backend.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Lets another backend, which may wait, have hundreds of requests under way: each has a virtual thread, as Java 21 has them. */
public final class VirtualThreads implements AsyncBackend {
    private final Backend backend;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    public VirtualThreads(Backend backend) {
        this.backend = backend;
    }

    @Override
    public void submit(AsyncRequest request) {
        threads.execute(() -> {
            try {
                carryOut(request);
            } catch (Throwable e) {
                request.fail(Failure.IO, e.toString());
                return;
            }
            request.complete();
        });
    }

    private void carryOut(AsyncRequest request) throws IOException {
        ByteBuffer data = request.data();
        switch (request.kind()) {
            case READ -> backend.read(request.offset(), data);
            case WRITE -> backend.write(request.offset(), data);
            case FLUSH -> backend.flush();
            case DISCARD -> backend.discard(request.offset(), request.length());
            case WRITE_ZEROES -> backend.writeZeroes(request.offset(), request.length());
        }
        if (data != null && data.hasRemaining()) {
            throw new IOException("only a part of a request was carried out");
        }
        if (request.fua()) {
            backend.flush();
        }
    }

    @Override
    public long size() {
        return backend.size();
    }

    @Override
    public String identity() {
        return backend.identity();
    }

    @Override
    public void close() throws IOException {
        threads.shutdown();
        backend.close();
    }
}
