// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import abuse.backend.AsyncRequest;
import abuse.device.Flag;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** What becomes of a server whose backend answers later after failures that it does not expect. */
class AsyncFaultsTest extends ServerTestBase {
    @Test
    void what_the_backend_never_got_is_not_waited_for_at_the_end() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var abandoned = new AtomicBoolean();
        var running = serve(new AsyncServerTest.Held() {
            @Override
            public void abandon() {
                abandoned.set(true);
            }
        });
        // The copy of the data
        disk.failNextTransfer(Unix.EIO);
        disk.write(0, pattern(1));
        assertEquals("Input/output error", running.end().getMessage());
        assertFalse(abandoned.get());
    }

    @Test
    void an_interrupt_that_a_backend_leaves_behind_ends_nothing() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new AsyncServerTest.Held() {
            @Override
            public synchronized void submit(AsyncRequest request) throws IOException {
                super.submit(request);
                Thread.currentThread().interrupt();
            }

            @Override
            public int mostUnderWay() {
                return 1;
            }
        };
        var running = serve(backend);
        for (int i = 0; i < 3; i++) {
            var read = disk.read(0, BLOCK);
            backend.awaitHeld(1);
            // So that it waits for a place
            Thread.sleep(20);
            backend.next().complete();
            assertFalse(read.await().failed());
        }
        assertNull(running.stop());
    }

    @Test
    void a_gate_that_cannot_be_closed_ends_the_server() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var failure = new OutOfMemoryError("gate");
        var running = serve(new AsyncServerTest.Held() {
            @Override
            public abuse.backend.Gate gate(BooleanSupplier idle) {
                return new abuse.backend.Gate() {
                    @Override
                    public boolean open() {
                        return true;
                    }

                    @Override
                    public int look(AsyncRequest request) {
                        return NOTHING;
                    }

                    @Override
                    public long address(AsyncRequest request) {
                        return 0;
                    }

                    @Override
                    public void submit(AsyncRequest request, int what) {}

                    @Override
                    public void close() {
                        throw failure;
                    }
                };
            }
        });
        // Answered by the call in which it waits for the next request
        disk.flush().await();
        running.server.stop();
        assertSame(failure, running.end().getCause());
    }
}
