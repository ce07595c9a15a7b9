// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncBackend;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.Config;
import abuse.device.EndlessDevice;
import abuse.device.Flag;
import abuse.device.Hints;
import abuse.device.Status;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the threads of the nbd backend, and the one that submits, take from the heap for a request. */
@Tag("packages")
class NbdAllocationTest {
    private static final int WARM = 5000;
    private static final int ROUNDS = 5000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    private Path directory;

    private AsyncWorker worker;
    private long[] threads;
    private int round;
    private long warm;
    private long end;

    private long allocated() {
        long sum = THREADS.getCurrentThreadAllocatedBytes();
        for (long thread : threads) {
            sum += THREADS.getThreadAllocatedBytes(thread);
        }
        return sum;
    }

    private void count() {
        round++;
        if (round == WARM) {
            threads = Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("nbd "))
                    .mapToLong(Thread::getId).toArray();
            assertTrue(threads.length >= 2, "the threads of a connection");
            warm = allocated();
        } else if (round == WARM + ROUNDS) {
            end = allocated();
            worker.drain();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {4 << 10, 128 << 10})
    @Timeout(600)
    void a_request_allocates_nothing(int length) throws Exception {
        var status = Status.fresh(0, new Config(1 << 20, 4096, 0, 128, 1, 0, 0, 0, 0, Hints.NONE, Set.of(Flag.WRITE_CACHE), false));
        var process = NbdProcess.nbdkit(directory, "memory", "1M");
        try (var backend = (AsyncBackend) new Backends().open(process.uri, Set.of(),
                new Geometry(0, status.capacity(), 4096, status.maxRequest(), false))) {
            var device = new EndlessDevice(status, length, WARM + ROUNDS + 1, this::count);
            worker = new AsyncWorker(device, 0, status, backend, new DiskSize(backend, status.capacity()), 0, new Problems(null, 0));
            worker.run();
            assertNull(worker.failure());
            worker.close();
        } finally {
            process.kill();
        }
        assertTrue(round >= WARM + ROUNDS);
        // The compiler may still replace code, as in WorkerTest
        assertTrue(end - warm < ROUNDS, end - warm + " bytes for " + ROUNDS * 8 + " requests");
    }
}
