// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.SimulatedDisk.Submitted;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is durable when a request is answered. */
class DurabilityTest extends ServerTestBase {
    @Test
    void a_flush_is_answered_after_the_backends() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var model = new ModelBackend();
        serve(model);
        disk.write(0, pattern(1)).await();
        assertEquals(0, model.durable.size());
        disk.flush().await();
        assertArrayEquals(pattern(1), model.durable.get(0L));
        assertEquals(1, model.flushes);
    }

    @Test
    void a_forced_write_is_durable_when_it_is_answered() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var model = new ModelBackend();
        serve(model);
        for (int i = 0; i < 50; i++) {
            long offset = (long) i * BLOCK;
            disk.writeFua(offset, pattern(i)).await();
            synchronized (model) {
                assertArrayEquals(pattern(i), model.durable.get(offset));
            }
        }
        disk.write(0, pattern(99)).await();
        assertEquals(50, model.flushes);
    }

    @Test
    void a_flush_that_fails_fails_the_request() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serve(new ModelBackend() {
            @Override
            public void flush() throws IOException {
                throw new IOException("image: Input/output error");
            }
        });
        assertTrue(disk.flush().await().failed());
        assertTrue(disk.writeFua(0, pattern(1)).await().failed());
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertEquals(List.of("image: Input/output error"), running.problems);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void what_must_be_durable_is_so_when_it_is_answered(boolean cache) throws Exception {
        disk.setUp(CAPACITY, cache ? new Flag[] {Flag.WRITE_CACHE} : new Flag[0]);
        var store = new ModelStore();
        serve(store);
        for (int i = 0; i < 50; i++) {
            long offset = (long) i * BLOCK;
            (cache ? disk.writeFua(offset, pattern(i)) : disk.write(offset, pattern(i))).await();
            assertArrayEquals(pattern(i), store.durable(offset));
        }
        int before = store.flushes;
        disk.write(0, pattern(99)).await();
        assertEquals(cache ? 0 : 1, store.flushes - before);
        disk.flush().await();
        assertArrayEquals(pattern(99), store.durable(0));
        disk.read(0, BLOCK).await();
        assertEquals(cache ? 1 : 2, store.flushes - before);
    }

    @Test
    void many_writes_are_made_durable_together() throws Exception {
        disk.setUp(CAPACITY);
        var writes = new ArrayList<Submitted>();
        for (int i = 0; i < 100; i++) {
            writes.add(disk.write((long) i * BLOCK, pattern(i)));
        }
        var last = disk.read(0, BLOCK);
        var gathered = new CountDownLatch(1);
        var store = new ModelStore() {
            @Override
            public void flush() throws IOException {
                try {
                    gathered.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                super.flush();
            }
        };
        serve(store);
        // Its answer goes with a call that the worker makes after it has passed on all writes
        last.await();
        gathered.countDown();
        for (int i = 0; i < 100; i++) {
            assertFalse(writes.get(i).await().failed());
            assertArrayEquals(pattern(i), store.durable((long) i * BLOCK));
        }
        assertTrue(store.flushes <= 3, store.flushes + " flushes");
    }

    @Test
    void what_could_not_be_made_durable_fails_and_the_rest_does_not() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var store = new ModelStore();
        store.broken = true;
        var running = serve(store);
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertTrue(disk.writeFua(0, pattern(1)).await().failed());
        assertTrue(disk.flush().await().failed());
        assertArrayEquals(pattern(1), disk.read(0, BLOCK).await().data());
        assertEquals(List.of("store: broken"), running.problems);
    }
}
