// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.Config;
import abuse.device.EndlessDevice;
import abuse.device.Flag;
import abuse.device.Hints;
import abuse.device.Status;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a request takes from the heap when its cluster has a place. */
@Tag("packages")
class Qcow2AllocationTest {
    private static final int WARM = 20_000;
    private static final int ROUNDS = 20_000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    private Path directory;

    private long round;
    private long warm;
    private long end;

    private void count() {
        round++;
        if (round == WARM) {
            warm = THREADS.getCurrentThreadAllocatedBytes();
        } else if (round == WARM + ROUNDS) {
            end = THREADS.getCurrentThreadAllocatedBytes();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {4 << 10, 128 << 10})
    void the_loop_allocates_nothing(int length) throws Exception {
        Path image = directory.resolve("image");
        assertEquals(0, new ProcessBuilder("qemu-img", "create", "-q", "-f", "qcow2", image.toString(), "1M").start().waitFor());
        var status = Status.fresh(0, new Config(1 << 20, 4096, 0, 128, 1, 0, 0, 0, 0, Hints.NONE, Set.of(Flag.WRITE_CACHE), false));
        var geometry = new Geometry(0, status.capacity(), 4096, status.maxRequest(), false);
        try (Backend backend = new Backends().open("qcow2:" + image, Set.of(), geometry)) {
            backend.write(0, ByteBuffer.allocateDirect(1 << 20));
            var device = new EndlessDevice(status, length, WARM + ROUNDS + 1, this::count);
            try (var worker = new Worker(device, 0, 1, status, backend, new DiskSize(backend, status.capacity()), new Problems(null, 0))) {
                worker.drain();
                worker.run(() -> {});
                assertNull(worker.failure());
            }
        }
        assertTrue(round > WARM + ROUNDS);
        // The compiler may still replace the code of the loop, which costs an object or two
        long allocated = end - warm;
        assertTrue(allocated < ROUNDS / 10, allocated + " bytes for " + ROUNDS * 8 + " requests");
    }
}
