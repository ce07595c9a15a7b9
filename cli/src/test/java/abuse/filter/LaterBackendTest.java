// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Backend;
import abuse.backend.Geometry;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Requests behind filters that are carried out by threads. */
class LaterBackendTest {
    private final CyclicBarrier all = new CyclicBarrier(4);

    /** Each write waits for three others. */
    private final class Together implements Backend {
        @Override
        public void read(long offset, ByteBuffer into) {
            into.position(into.limit());
        }

        @Override
        public void write(long offset, ByteBuffer from) throws IOException {
            try {
                all.await();
            } catch (Exception e) {
                throw new IOException(e);
            }
            from.position(from.limit());
        }
    }

    @Test
    @Timeout(60)
    void what_comes_at_once_is_carried_out_at_once() throws Exception {
        var geometry = new Geometry(0, 1 << 20, TestStore.BLOCK, 1 << 17, false);
        try (var disk = new FilteredBackend(new Together(), List.of(), geometry, OutputStream.nullOutputStream())) {
            assertNull(new TestRequest(Kind.READ, 0, 1).submitTo(disk).await());
            // There is a thread now, which comes to wait
            while (Thread.getAllStackTraces().keySet().stream()
                    .noneMatch(thread -> thread.getName().startsWith("filtered") && thread.getState() == Thread.State.WAITING)) {
                Thread.onSpinWait();
            }
            for (int round = 0; round < 20; round++) {
                var writes = new TestRequest[4];
                // Under its lock, so that no thread wakes before the last one is there
                synchronized (disk.later) {
                    for (int i = 0; i < writes.length; i++) {
                        writes[i] = new TestRequest(Kind.WRITE, i, 1).submitTo(disk);
                    }
                }
                for (var write : writes) {
                    assertNull(write.await());
                }
            }
        }
    }
}
