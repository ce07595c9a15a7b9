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
import java.util.Set;

/** Measures what the threads of a backend, and the one that submits, take from the heap for reads and writes. */
final class AllocationMeter {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    /** Requests that come at once. */
    static final int TOGETHER = 8;

    private final String prefix;
    private final int leastThreads;
    private final int rounds;
    private AsyncWorker worker;
    private long[] threads;
    private int round;
    private long warm;
    private long end;

    /**
     * Measures nothing yet.
     *
     * @param prefix how the names of the backend's threads begin, of which there are so many or more
     * @param rounds of eight requests each, after as many that do not count
     */
    AllocationMeter(String prefix, int leastThreads, int rounds) {
        this.prefix = prefix;
        this.leastThreads = leastThreads;
        this.rounds = rounds;
    }

    private long allocated() {
        long sum = THREADS.getCurrentThreadAllocatedBytes();
        for (long thread : threads) {
            sum += THREADS.getThreadAllocatedBytes(thread);
        }
        return sum;
    }

    private void count() {
        round++;
        if (round == rounds) {
            threads = Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith(prefix))
                    .mapToLong(Thread::getId).toArray();
            assertTrue(threads.length >= leastThreads, "the threads of the backend");
            warm = allocated();
        } else if (round == 2 * rounds) {
            end = allocated();
            worker.drain();
        }
    }

    /** The bytes that all requests after the first half have taken, of this length each. */
    long measure(String name, int length) throws Exception {
        var status = Status.fresh(0, new Config(1 << 20, 4096, 0, 128, 1, 0, 0, 0, 0, Hints.NONE, Set.of(Flag.WRITE_CACHE), false));
        try (var backend = (AsyncBackend) new Backends().open(name, Set.of(),
                new Geometry(0, status.capacity(), 4096, status.maxRequest(), false))) {
            var device = new EndlessDevice(status, length, 2 * rounds + 1, this::count);
            worker = new AsyncWorker(device, 0, status, backend, new DiskSize(backend, status.capacity()), 0, new Problems(null, 0));
            worker.run(() -> {});
            assertNull(worker.failure());
            worker.close();
        }
        assertTrue(round >= 2 * rounds);
        return end - warm;
    }
}
