// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.device.Flag;
import abuse.device.Result;
import abuse.device.SimulatedDisk.Submitted;
import abuse.filter.Filter;
import abuse.filter.FilteredBackend;
import abuse.filter.Filters;
import abuse.filter.Settings;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Filters before a backend that answers later, made in code and not by a command line. */
class FilteredAsyncTest extends ServerTestBase {
    private static Filter filter(String name, Map<String, Object> settings) throws IOException {
        return new Filters().find(name).make(new Settings(settings));
    }

    private RunningServer serveBehind(AsyncServerTest.Held backend, Filter... filters) throws InterruptedException {
        return serve(geometry -> new FilteredBackend(backend, List.of(filters), geometry, OutputStream.nullOutputStream()));
    }

    @Test
    void requests_are_picked_and_all_others_are_carried_out() throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
        var running = serveBehind(new AsyncServerTest.Later(), filter("delay", Map.of("time", 1_000_000L, "spread", 1_000_000L)),
                filter("error", Map.of("op", Set.of("write"), "every", 5L, "errno", "ENOSPC")), filter("check", Map.of("fail", true)));
        var writes = new ArrayList<Submitted>();
        for (int i = 0; i < BLOCKS; i++) {
            writes.add(disk.write((long) i * BLOCK, pattern(i)));
        }
        int failed = 0;
        for (int i = 0; i < BLOCKS; i++) {
            writes.get(i).await();
            boolean good = writes.get(i).result() == Result.OKAY;
            failed += good ? 0 : 1;
            assertEquals(good ? Result.OKAY : Result.NO_SPACE, writes.get(i).result());
            assertArrayEquals(good ? pattern(i) : new byte[BLOCK], disk.read((long) i * BLOCK, BLOCK).await().data());
        }
        assertEquals(BLOCKS / 5, failed);
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void a_write_cache_writes_back_to_it_at_a_flush() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new AsyncServerTest.Later();
        serveBehind(backend, filter("powerfail", Map.of()));
        for (int i = 0; i < BLOCKS; i += 2) {
            disk.write((long) i * BLOCK, pattern(i)).await();
        }
        assertEquals(0, backend.bytes[0]);
        assertEquals(Result.OKAY, result(disk.flush()));
        for (int i = 0; i < BLOCKS; i += 2) {
            assertArrayEquals(pattern(i), java.util.Arrays.copyOfRange(backend.bytes, i * BLOCK, (i + 1) * BLOCK));
            assertArrayEquals(pattern(i), disk.read((long) i * BLOCK, BLOCK).await().data());
        }
    }

    /** In memory, where no filter looks at the data. */
    @Test
    void what_fails_after_it_was_carried_out_is_there_and_all_others_are_as_well() throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
        var running = serve(geometry -> new FilteredBackend(MEM.open(geometry),
                List.of(filter("error", Map.of("op", Set.of("write"), "every", 5L, "fail", "after"))), geometry,
                OutputStream.nullOutputStream()));
        int failed = 0;
        for (int i = 0; i < BLOCKS; i++) {
            failed += result(disk.write((long) i * BLOCK, pattern(i))) == Result.OKAY ? 0 : 1;
            assertArrayEquals(pattern(i), disk.read((long) i * BLOCK, BLOCK).await().data());
        }
        assertEquals(BLOCKS / 5, failed);
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }

    /** The data of a write is asked for when others have the write already. */
    @Test
    void a_write_that_was_taken_away_changes_nothing_any_more() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        Path hang = Files.createFile(directory.resolve("hang"));
        byte[] left = new byte[BLOCK];
        var memory = new MemoryStore(CAPACITY) {
            @Override
            public boolean isStored() {
                return false;
            }

            @Override
            public void close() {
                memory.buffer().get(0, left);
                super.close();
            }
        };
        var running = serve(geometry -> new FilteredBackend(memory,
                List.of(filter("error", Map.of("op", Set.of("write"), "fail", "after", "nth", 1L)),
                        filter("stall", Map.of("nth", 1L, "when", hang.toString()))), geometry, OutputStream.nullOutputStream()));
        Submitted write = disk.write(0, pattern(1));
        while (disk.owned() == 0) {
            Thread.onSpinWait();
        }
        disk.fence();
        // It is this server's again, as another request
        assertEquals(Result.OKAY, result(write));
        assertEquals(Result.OKAY, result(disk.write(0, pattern(2))));
        Files.delete(hang);
        // It waits for the end of the first one
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
        assertArrayEquals(pattern(2), left);
    }

    private static Result result(Submitted request) throws Exception {
        request.await();
        return request.result();
    }
}
