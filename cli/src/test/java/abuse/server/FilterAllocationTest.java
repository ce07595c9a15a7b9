// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.Config;
import abuse.device.EndlessDevice;
import abuse.device.Flag;
import abuse.device.Hints;
import abuse.device.Status;
import abuse.filter.Filter;
import abuse.filter.FilteredBackend;
import abuse.filter.Filters;
import abuse.filter.Settings;
import com.sun.management.ThreadMXBean;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a request takes from the heap on its way through filters. */
class FilterAllocationTest {
    private static final int WARM = 10_000;
    private static final int ROUNDS = 5000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final Map<String, Object> NOTHING = Map.of("rate", 0.0);
    private static final Map<String, Map<String, Object>> SETTINGS = Map.of(
            "error", NOTHING,
            "corrupt", NOTHING,
            "log", Map.of(),
            "stats", Map.of(),
            "stall", Map.of("when", "/nowhere/to/be/found"),
            "check", Map.of(),
            "cow", Map.of(),
            "retry", NOTHING,
            "powerfail", Map.of(),
            "record", Map.of());

    @TempDir
    private Path directory;

    private AsyncWorker worker;
    private EndlessDevice device;
    private int round;
    private long warm;
    private long end;

    private void count() {
        round++;
        if (round == WARM) {
            warm = THREADS.getCurrentThreadAllocatedBytes();
        } else if (round == WARM + ROUNDS) {
            end = THREADS.getCurrentThreadAllocatedBytes();
            worker.drain();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"error", "error stall", "log", "stats", "check", "corrupt", "powerfail", "cow", "retry", "record"})
    @Timeout(600)
    void a_request_allocates_nothing(String names) throws Exception {
        serve(names);
        assertTrue(round >= WARM + ROUNDS);
        // The smallest object has 16 bytes; the compiler may still replace code
        assertTrue(end - warm < 4 * ROUNDS * 8, end - warm + " bytes for " + ROUNDS * 8 + " requests");
    }

    @Test
    @Timeout(600)
    void a_call_brings_data_and_another_one_takes_answers_and_brings_requests() throws Exception {
        serve("powerfail");
        assertTrue(device.calls() < 2 * round + 10, device.calls() + " calls for " + round + " batches");
    }

    private void serve(String names) throws Exception {
        var status = Status.fresh(0, new Config(1 << 20, 4096, 0, 128, 1, 0, 0, 0, 0, Hints.NONE, Set.of(Flag.WRITE_CACHE), false));
        var geometry = new Geometry(0, status.capacity(), 4096, status.maxRequest(), false);
        var filters = new ArrayList<Filter>();
        for (String name : names.split(" ")) {
            var settings = new HashMap<>(SETTINGS.get(name));
            settings.putIfAbsent("file", directory.resolve(name).toString());
            filters.add(new Filters().find(name).make(new Settings(settings)));
        }
        try (var backend = new FilteredBackend(new Backends().open("mem", Set.of(), geometry), List.copyOf(filters), geometry,
                OutputStream.nullOutputStream())) {
            device = new EndlessDevice(status, 4096, WARM + ROUNDS + 1, this::count);
            worker = new AsyncWorker(device, 0, status, backend, new DiskSize(backend, status.capacity()), 0, new Problems(null, 0));
            worker.run(() -> {});
            assertNull(worker.failure());
            worker.close();
        }
    }
}
