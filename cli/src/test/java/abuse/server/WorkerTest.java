// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import abuse.backend.BackendFactory.Option;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.Config;
import abuse.device.Hints;
import abuse.device.EndlessDevice;
import abuse.device.Flag;
import abuse.device.Status;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerTest {
    private static final int WARM = 20_000;
    private static final int ROUNDS = 20_000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    private Path directory;

    private long round;
    private long allocatedWhenWarm;
    private long allocatedAtEnd;

    private void count() {
        round++;
        if (round == WARM) {
            allocatedWhenWarm = THREADS.getCurrentThreadAllocatedBytes();
        } else if (round == WARM + ROUNDS) {
            allocatedAtEnd = THREADS.getCurrentThreadAllocatedBytes();
        }
    }

    private Backend open(String name, Geometry geometry) throws IOException {
        if (name.equals("plug-in")) {
            return new Consumer();
        }
        return new Backends().open(name.equals("file:") ? name + directory.resolve("image") : name, Set.of(Option.CREATE), geometry);
    }

    /** Has no addresses for the kernel, so it is given buffers. */
    private static final class Consumer implements Backend {
        @Override
        public void read(long offset, ByteBuffer into) {
            into.position(into.limit());
        }

        @Override
        public void write(long offset, ByteBuffer from) {
            from.position(from.limit());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", "mem", "file:", "plug-in"})
    void the_loop_allocates_nothing(String name) throws Exception {
        var status = Status.fresh(0, new Config(1 << 20, 4096, 0, 128, 1, 0, 0, 0, 0, Hints.NONE, Set.of(Flag.WRITE_CACHE), false));
        var geometry = new Geometry(0, status.capacity(), 4096, status.maxRequest(), false);
        try (Backend backend = open(name, geometry)) {
            var device = new EndlessDevice(status, 4096, WARM + ROUNDS + 1, this::count);
            try (var worker = new Worker(device, 0, 1, status, backend, new DiskSize(backend, status.capacity()), new Problems(null, 0))) {
                worker.drain();
                worker.run(() -> {});
                assertNull(worker.failure());
            }
        }
        assertTrue(round > WARM + ROUNDS);
        // The compiler may still replace the code of the loop, which costs an object or two
        long allocated = allocatedAtEnd - allocatedWhenWarm;
        assertTrue(allocated < ROUNDS / 10, allocated + " bytes for " + ROUNDS * 8 + " requests");
    }
}
