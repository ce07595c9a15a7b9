// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Backend;
import abuse.backend.Failure;
import abuse.backend.Geometry;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicInteger;
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

    @Test
    @Timeout(60)
    void what_is_late_when_a_thread_has_time_is_not_carried_out() throws Exception {
        var begun = new CountDownLatch(1);
        var hang = new CountDownLatch(1);
        var written = new AtomicInteger();
        var slow = new Backend() {
            @Override
            public void read(long offset, ByteBuffer into) {
                into.position(into.limit());
            }

            @Override
            public void write(long offset, ByteBuffer from) throws IOException {
                begun.countDown();
                try {
                    hang.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                written.incrementAndGet();
                from.position(from.limit());
            }

            @Override
            public int threads() {
                return 1;
            }
        };
        var geometry = new Geometry(0, 1 << 20, TestStore.BLOCK, 1 << 17, false);
        try (var disk = new FilteredBackend(slow, List.of(), geometry, OutputStream.nullOutputStream())) {
            var first = new TestRequest(Kind.WRITE, 0, 1).submitTo(disk);
            begun.await();
            var late = new TestRequest(Kind.WRITE, 1, 1);
            late.deadline = System.nanoTime();
            late.submitTo(disk);
            hang.countDown();
            assertNull(first.await());
            assertEquals(Failure.TIMEOUT, late.await());
            assertEquals(1, written.get());
        }
    }
}
