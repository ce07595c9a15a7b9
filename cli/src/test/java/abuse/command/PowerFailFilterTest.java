// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Operation;
import abuse.device.Result;
import abuse.device.SimulatedDisk.Submitted;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The filter powerfail. */
class PowerFailFilterTest extends FilterTestBase {
    private static final Result BAD = Result.MEDIA_FAILURE;
    private static final Result GOOD = Result.OKAY;

    private Path image;
    private Path trigger;

    /** A disk whose power fails while there is a file. */
    private void serveImage(String keys) throws Exception {
        image = directory.resolve("image");
        trigger = directory.resolve("trigger");
        serve("file:" + image, "powerfail:when=" + trigger + keys);
    }

    private String cut() throws Exception {
        make(trigger);
        assertEquals(BAD, read(0));
        assertEquals(BAD, write(0, 99));
        assertEquals(BAD, flush());
        remove(trigger);
        assertEquals(GOOD, read(0));
        return server.err();
    }

    @Test
    void what_was_not_flushed_is_lost_and_what_was_is_not() throws Exception {
        serveImage("");
        write(0, 1);
        write(1, 2);
        assertEquals(GOOD, flush());
        write(1, 3);
        write(2, 4);
        holds(0, 1);
        holds(1, 3);
        holds(2, 4);
        assertEquals("powerfail: lost=2 kept=0 torn=0\n", cut());
        holds(0, 1);
        holds(1, 2);
        holds(2, 0);
        write(1, 5);
        holds(1, 5);
        endServer();
    }

    @Test
    void a_write_with_fua_is_kept_and_its_neighbours_are_not() throws Exception {
        serveImage("");
        write(0, 1);
        assertEquals(GOOD, resultOf(disk.writeFua(BLOCK, bytes(2))));
        write(2, 3);
        cut();
        holds(0, 0);
        holds(1, 2);
        holds(2, 0);
        endServer();
    }

    @Test
    void a_disk_may_lie_about_flushes_and_fua() throws Exception {
        serveImage(",flush=ignored,fua=ignored");
        write(0, 1);
        assertEquals(GOOD, flush());
        assertEquals(GOOD, resultOf(disk.writeFua(BLOCK, bytes(2))));
        cut();
        holds(0, 0);
        holds(1, 0);
        endServer();
    }

    @Test
    void all_may_be_kept() throws Exception {
        serveImage(",fate=kept");
        write(0, 1);
        write(9, 2);
        assertEquals("powerfail: lost=0 kept=2 torn=0\n", cut());
        holds(0, 1);
        holds(9, 2);
        endServer();
    }

    /** What has become of 64 blocks: 0 for lost, 1 for kept, 2 for torn. */
    private List<Integer> fates(String keys) throws Exception {
        serveImage(keys);
        for (int i = 0; i < 64; i++) {
            write(i, i + 1);
        }
        flush();
        for (int i = 0; i < 64; i++) {
            write(i, i + 101);
        }
        cut();
        var fates = new ArrayList<Integer>();
        for (int i = 0; i < 64; i++) {
            byte[] data = disk.read((long) i * BLOCK, BLOCK).await().data();
            boolean lost = Arrays.equals(data, bytes(i + 1));
            boolean kept = Arrays.equals(data, bytes(i + 101));
            if (!lost && !kept) {
                int start = 0;
                while (Arrays.equals(data, start, start + 512, bytes(i + 101), start, start + 512)) {
                    start += 512;
                }
                assertTrue(start > 0 && Arrays.equals(data, start, BLOCK, bytes(i + 1), start, BLOCK), "block " + i);
            }
            fates.add(lost ? 0 : kept ? 1 : 2);
        }
        endServer();
        Files.delete(image);
        return fates;
    }

    @Test
    void some_may_be_kept_by_a_seed() throws Exception {
        List<Integer> fates = fates(",fate=reordered,seed=5");
        assertEquals(fates, fates(",fate=reordered,seed=5"));
        assertFalse(fates.equals(fates(",fate=reordered,seed=6")));
        assertTrue(fates.contains(0) && fates.contains(1) && !fates.contains(2), fates.toString());
    }

    @Test
    void some_may_be_torn() throws Exception {
        List<Integer> fates = fates(",fate=torn");
        assertTrue(fates.contains(0) && fates.contains(1) && fates.contains(2), fates.toString());
    }

    @Test
    void the_nth_request_may_cut_the_power_for_good_or_for_no_time() throws Exception {
        serveWith("powerfail:op=write,nth=3");
        assertEquals(List.of(GOOD, GOOD, BAD, BAD), List.of(write(0, 1), write(1, 2), write(2, 3), write(3, 4)));
        assertEquals(BAD, read(0));
        endServer();
        serveWith("powerfail:op=flush,nth=1,off=0");
        write(0, 1);
        assertEquals(BAD, flush());
        holds(0, 0);
        write(0, 2);
        assertEquals(GOOD, flush());
        holds(0, 2);
        endServer();
    }

    @Test
    void a_file_that_is_there_cuts_the_power_once_each_time_it_comes() throws Exception {
        serveImage(",off=0");
        for (int round = 0; round < 2; round++) {
            make(trigger);
            assertEquals(List.of(BAD, GOOD, GOOD), List.of(read(0), read(0), write(0, 1)));
            remove(trigger);
            assertEquals(GOOD, read(0));
        }
        assertEquals("powerfail: lost=0 kept=0 torn=0\npowerfail: lost=1 kept=0 torn=0\n", server.err());
        endServer();
    }

    @Test
    void the_power_comes_back() throws Exception {
        serveWith("powerfail:op=write,nth=1,off=100ms");
        assertEquals(BAD, write(0, 1));
        Thread.sleep(110);
        assertEquals(GOOD, write(0, 2));
        holds(0, 2);
        endServer();
    }

    @Test
    void a_server_that_is_stopped_writes_its_cache_back() throws Exception {
        image = directory.resolve("image");
        serve("file:" + image, "powerfail");
        write(7, 1);
        assertEquals(0, Files.readAllBytes(image)[7 * BLOCK]);
        assertEquals("", endServer());
        byte[] all = Files.readAllBytes(image);
        assertTrue(Arrays.equals(bytes(1), Arrays.copyOfRange(all, 7 * BLOCK, 8 * BLOCK)));
    }

    @Test
    void a_discard_takes_what_was_written_before() throws Exception {
        serveWith("powerfail");
        write(1, 1);
        assertEquals(GOOD, resultOf(disk.submit(Operation.WRITE_ZEROES, 0, 4 * BLOCK, null, false, 0)));
        holds(1, 0);
        write(1, 2);
        assertEquals(GOOD, resultOf(disk.submit(Operation.DISCARD, 0, 4 * BLOCK, null, false, 0)));
        holds(1, 0);
        endServer();
    }

    /** The cache holds two of the longest requests, so the disk is eight times as large. */
    @ParameterizedTest
    @ValueSource(strings = {"mem", "file:"})
    void a_small_cache_shows_always_what_was_written_last(String backend) throws Exception {
        disk = devices.add(0).setUp(16 << 20, abuse.device.Flag.WRITE_CACHE);
        serve(backend.equals("mem") ? backend : backend + directory.resolve("image"), "check:fail", "powerfail:cache=1M");
        var random = new Random(1);
        int[] seeds = new int[4096];
        for (int round = 0; round < 30; round++) {
            var writes = new ArrayList<Submitted>();
            var used = new java.util.TreeSet<Integer>();
            for (int i = 0; i < 100; i++) {
                int block = random.nextInt(4096);
                if (used.add(block)) {
                    seeds[block] = random.nextInt(1, 1 << 30);
                    writes.add(i % 10 == 0 ? disk.writeFua((long) block * BLOCK, bytes(seeds[block]))
                            : disk.write((long) block * BLOCK, bytes(seeds[block])));
                }
                if (i % 30 == 0) {
                    writes.add(disk.flush());
                }
            }
            for (int block : used) {
                writes.add(disk.read((long) block * BLOCK, BLOCK));
            }
            for (var write : writes) {
                assertEquals(GOOD, resultOf(write));
            }
            for (int block : used) {
                holds(block, seeds[block]);
            }
        }
        for (int block = 0; block < 4096; block += 7) {
            holds(block, seeds[block]);
        }
        assertEquals("", endServer());
    }
}
