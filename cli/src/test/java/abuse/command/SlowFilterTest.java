// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Result;
import abuse.device.SimulatedDisk.Submitted;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The filters delay, stall and rate. */
class SlowFilterTest extends FilterTestBase {
    private static final long MS = 1_000_000;

    private static long since(long start) {
        return System.nanoTime() - start;
    }

    @ParameterizedTest
    @ValueSource(strings = {"mem", "file:"})
    void a_request_waits_and_others_do_not(String backend) throws Exception {
        serve(backend.equals("mem") ? backend : backend + directory.resolve("image"), "delay:op=write,time=3s");
        long start = System.nanoTime();
        var writes = new ArrayList<Submitted>();
        for (int i = 0; i < 100; i++) {
            writes.add(disk.write((long) i * BLOCK, bytes(i + 1)));
        }
        assertEquals(Result.OKAY, read(200));
        assertFalse(writes.get(0).isAnswered() && since(start) < 3000 * MS);
        for (var write : writes) {
            assertEquals(Result.OKAY, resultOf(write));
        }
        // They wait at the same time, or it would have been 300 seconds
        assertTrue(since(start) >= 3000 * MS, since(start) + " ns");
        assertTrue(since(start) < 299_000 * MS, since(start) + " ns");
        holds(99, 100);
        endServer();
    }

    @Test
    void an_arm_moves_for_one_request_after_the_other() throws Exception {
        serveWith("delay:shape=seek,time=100ms,turn=0");
        long start = System.nanoTime();
        Submitted far = disk.read(255 * BLOCK, BLOCK);
        Submitted back = disk.read(0, BLOCK);
        assertEquals(Result.OKAY, resultOf(far));
        assertTrue(since(start) >= 99 * MS, since(start) + " ns");
        assertEquals(Result.OKAY, resultOf(back));
        assertTrue(since(start) >= 198 * MS, since(start) + " ns");
        // A quarter of the way takes half the time
        start = System.nanoTime();
        assertEquals(Result.OKAY, read(65));
        assertTrue(since(start) >= 49 * MS, since(start) + " ns");
        endServer();
    }

    @Test
    void an_arm_does_not_move_for_what_comes_next() throws Exception {
        serveWith("delay:shape=seek,time=3600,turn=3600");
        for (int block = 0; block < 64; block++) {
            assertEquals(Result.OKAY, write(block, 1));
        }
        assertEquals(Result.OKAY, flush());
        assertEquals(Result.OKAY, read(64));
        endServer();
    }

    @ParameterizedTest
    @ValueSource(strings = {"uniform", "normal"})
    void delays_spread(String shape) throws Exception {
        serveWith("delay:time=20ms,spread=20ms,shape=" + shape);
        long least = Long.MAX_VALUE;
        long most = 0;
        for (int i = 0; i < 30; i++) {
            long start = System.nanoTime();
            read(0);
            least = Math.min(least, since(start));
            most = Math.max(most, since(start));
        }
        assertTrue(most >= 22 * MS, "the longest took " + most);
        assertTrue(least < most - 5 * MS, "the shortest took " + least);
        endServer();
    }

    @Test
    void requests_stay_until_a_file_is_gone() throws Exception {
        Path trigger = Files.createFile(directory.resolve("trigger"));
        serveWith("stall:op=write,when=" + trigger);
        var write = disk.write(0, bytes(1));
        var other = disk.write(BLOCK, bytes(2));
        assertEquals(Result.OKAY, read(5));
        Thread.sleep(50);
        assertFalse(write.isAnswered() || other.isAnswered());
        Files.delete(trigger);
        assertEquals(Result.OKAY, resultOf(write));
        assertEquals(Result.OKAY, resultOf(other));
        holds(1, 2);
        endServer();
    }

    @Test
    void requests_stay_until_a_file_is_there() throws Exception {
        Path trigger = directory.resolve("trigger");
        serveWith("stall:nth=2,release=" + trigger);
        assertEquals(Result.OKAY, write(0, 1));
        var write = disk.write(0, bytes(2));
        assertEquals(Result.OKAY, read(5));
        Thread.sleep(50);
        assertFalse(write.isAnswered());
        Files.createFile(trigger);
        assertEquals(Result.OKAY, resultOf(write));
        endServer();
    }

    @Test
    void requests_stay_for_a_time() throws Exception {
        serveWith("stall:op=flush,for=100ms");
        long start = System.nanoTime();
        assertEquals(Result.OKAY, flush());
        assertTrue(since(start) >= 100 * MS);
        endServer();
    }

    @ParameterizedTest
    @ValueSource(strings = {"stall:nth=1,release=/nowhere/never", "delay:nth=1,time=3600"})
    void what_stays_fails_at_its_deadline(String filter) throws Exception {
        disk = devices.add(0).setUp(1 << 20, abuse.device.Flag.WRITE_CACHE);
        serveWith("--deadline=100ms", filter);
        assertEquals(Result.TIMEOUT, write(0, 1));
        assertEquals(Result.OKAY, write(0, 2));
        holds(0, 2);
        endServer();
    }

    @Test
    void a_server_that_stops_waits_for_what_is_delayed() throws Exception {
        serveWith("delay:op=write,time=100ms");
        var write = disk.write(0, bytes(1));
        while (disk.owned() == 0) {
            Thread.sleep(1);
        }
        endServer();
        assertTrue(write.isAnswered());
        assertEquals(Result.OKAY, resultOf(write));
    }

    @ParameterizedTest
    @ValueSource(strings = {"mem", "file:"})
    void a_server_whose_disk_is_reset_leaves_what_is_kept(String backend) throws Exception {
        Path trigger = Files.createFile(directory.resolve("trigger"));
        serve(backend.equals("mem") ? backend : backend + directory.resolve("image"), "stall:op=write,when=" + trigger);
        disk.write(0, bytes(1));
        while (disk.owned() == 0) {
            Thread.sleep(1);
        }
        disk.reset();
        Outcome outcome = server.end();
        assertEquals(1, outcome.exitCode());
        assertTrue(outcome.err().contains("it was reset"), outcome.err());
        Files.delete(trigger);
        // Its thread would use memory that is gone
        assertTrue(Thread.getAllStackTraces().keySet().stream().noneMatch(thread -> thread.getName().equals("filters")));
    }

    @Test
    void bytes_take_their_time() throws Exception {
        serveWith("rate:op=write,bytes=1M");
        long start = System.nanoTime();
        var writes = new ArrayList<Submitted>();
        for (int i = 0; i < 64; i++) {
            writes.add(disk.write((long) i * BLOCK, bytes(1)));
        }
        for (var write : writes) {
            assertEquals(Result.OKAY, resultOf(write));
        }
        // 63 blocks of 4 KiB before the last one begins
        assertTrue(since(start) >= 240 * MS, since(start) + " ns");
        endServer();
    }

    @Test
    void requests_take_their_time_but_a_burst_is_let_through() throws Exception {
        serveWith("rate:requests=1,burst=100s");
        long start = System.nanoTime();
        for (int i = 0; i < 101; i++) {
            assertEquals(Result.OKAY, read(0));
        }
        // It would be 100 seconds without the burst
        assertTrue(since(start) < 60_000 * MS, since(start) + " ns");
        assertEquals(Result.OKAY, read(0));
        assertEquals(Result.OKAY, read(0));
        assertTrue(since(start) >= 1000 * MS, since(start) + " ns");
        endServer();
    }
}
