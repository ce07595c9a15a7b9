// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Operation;
import abuse.device.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The filters error and readonly. */
class ErrorFilterTest extends FilterTestBase {
    private static final Result BAD = Result.MEDIA_FAILURE;
    private static final Result GOOD = Result.OKAY;

    private List<Result> writes(int times) throws Exception {
        var results = new ArrayList<Result>();
        for (int i = 0; i < times; i++) {
            results.add(write(i, i + 1));
        }
        return results;
    }

    @Test
    void the_third_write_fails_and_no_other() throws Exception {
        serveWith("error:op=write,nth=3");
        assertEquals(GOOD, read(0));
        assertEquals(List.of(GOOD, GOOD, BAD, GOOD, GOOD), writes(5));
        holds(1, 2);
        holds(2, 0);
        holds(3, 4);
        assertEquals(GOOD, flush());
        assertEquals("", endServer());
        assertEquals("abusectl: /dev/abctl0: serving 1 MiB from mem through error on /dev/abuse0, 1 queue\n", server.out());
    }

    @ParameterizedTest
    @CsvSource({"EIO, MEDIA_FAILURE", "ENOSPC, NO_SPACE", "ETIMEDOUT, TIMEOUT", "EREMOTEIO, REMOTE_FAILURE"})
    void the_error_may_be_chosen(String errno, Result result) throws Exception {
        serveWith("error:errno=" + errno);
        assertEquals(result, read(0));
        assertEquals(result, write(0, 1));
        assertEquals(result, flush());
        assertEquals("", endServer());
    }

    @Test
    void requests_are_picked_by_number() throws Exception {
        serveWith("error:op=write,every=3,from=4,until=9");
        assertEquals(List.of(GOOD, GOOD, GOOD, GOOD, GOOD, BAD, GOOD, GOOD, BAD, GOOD, GOOD, GOOD), writes(12));
        endServer();
    }

    @Test
    void requests_are_picked_by_place_and_a_flush_has_none() throws Exception {
        serveWith("error:range=8K-16K");
        assertEquals(List.of(GOOD, GOOD, BAD, BAD, GOOD), writes(5));
        assertEquals(BAD, resultOf(disk.read(BLOCK, 2 * BLOCK)));
        assertEquals(GOOD, resultOf(disk.read(0, 2 * BLOCK)));
        assertEquals(GOOD, resultOf(disk.read(4 * BLOCK, 2 * BLOCK)));
        assertEquals(GOOD, flush());
        endServer();
    }

    @Test
    void chance_is_the_same_with_the_same_seed() throws Exception {
        var results = new ArrayList<List<Result>>();
        for (String seed : new String[] {"1", "1", "2"}) {
            serveWith("error:rate=25%,seed=" + seed);
            results.add(writes(200));
            endServer();
        }
        assertEquals(results.get(0), results.get(1));
        assertTrue(!results.get(0).equals(results.get(2)));
        long failed = results.get(0).stream().filter(BAD::equals).count();
        assertTrue(failed > 25 && failed < 80, failed + " of 200");
    }

    @Test
    void an_error_may_come_after_the_write_has_happened() throws Exception {
        serveWith("error:op=write,nth=1,fail=after");
        assertEquals(BAD, write(5, 1));
        holds(5, 1);
        endServer();
    }

    @Test
    void a_sector_that_has_failed_goes_on_failing_until_it_is_written() throws Exception {
        serveWith("error:op=read,nth=2,sticky,heal");
        assertEquals(GOOD, read(0));
        assertEquals(BAD, read(1));
        assertEquals(GOOD, read(0));
        assertEquals(BAD, read(1));
        assertEquals(BAD, resultOf(disk.read(0, 4 * BLOCK)));
        assertEquals(GOOD, write(1, 7));
        holds(1, 7);
        assertEquals(GOOD, resultOf(disk.read(0, 4 * BLOCK)));
        endServer();
    }

    @Test
    void without_heal_a_write_fails_as_well() throws Exception {
        serveWith("error:nth=1,sticky");
        assertEquals(BAD, read(1));
        assertEquals(BAD, write(1, 7));
        assertEquals(BAD, resultOf(disk.submit(Operation.WRITE_ZEROES, 0, 16 * BLOCK, null, false, 0)));
        assertEquals(GOOD, write(2, 7));
        endServer();
    }

    @Test
    void bad_sectors_come_from_a_list_and_each_heals_for_itself() throws Exception {
        Path list = directory.resolve("bad");
        Files.writeString(list, "# comment\n4096 4096\n\n0x4000 0x2000 # two blocks\n");
        serveWith("error:list=" + list + ",heal");
        assertEquals(List.of(GOOD, BAD, GOOD, GOOD, BAD, BAD, GOOD), reads(7));
        assertEquals(GOOD, write(4, 1));
        assertEquals(List.of(GOOD, BAD, GOOD, GOOD, GOOD, BAD, GOOD), reads(7));
        assertEquals(GOOD, resultOf(disk.submit(Operation.WRITE_ZEROES, 0, 16 * BLOCK, null, false, 0)));
        assertEquals(repeat(7, GOOD), reads(7));
        endServer();
    }

    @Test
    void a_map_file_of_ddrescue_is_a_list() throws Exception {
        Path list = directory.resolve("map");
        Files.writeString(list, """
                # Mapfile. Created by GNU ddrescue version 1.27
                # current_pos  current_status  current_pass
                0x00003000     ?               1
                #      pos        size  status
                0x00000000  0x00002000  +
                0x00002000  0x00001000  -
                0x00003000  0x000FD000  ?
                """);
        serveWith("error:list=" + list);
        assertEquals(List.of(GOOD, GOOD, BAD, GOOD), reads(4));
        endServer();
    }

    private List<Result> reads(int times) throws Exception {
        var results = new ArrayList<Result>();
        for (int i = 0; i < times; i++) {
            results.add(read(i));
        }
        return results;
    }

    @Test
    void a_list_that_is_none_is_told_with_its_line() throws Exception {
        devices.add(0).setUp(1 << 20);
        Path list = directory.resolve("bad");
        Files.writeString(list, "0 512\nfrob\n");
        assertEquals("--filter error: list=" + list + ":2: 'frob' is not an offset and a length in bytes, as in '4096 512'",
                fail("server", "mem", "--filter", "error:list=" + list));
        for (String word : List.of("error:list=" + directory + "/none", "error:list= " + directory + "/none , heal")) {
            assertEquals("--filter error: list=" + directory + "/none: No such file or directory", fail("server", "mem", "--filter", word));
        }
    }

    @Test
    void a_file_switches_a_filter_on_and_off() throws Exception {
        Path trigger = directory.resolve("trigger");
        serveWith("error:when=" + trigger);
        assertEquals(GOOD, write(0, 1));
        make(trigger);
        assertEquals(BAD, write(0, 2));
        assertEquals(BAD, flush());
        remove(trigger);
        assertEquals(GOOD, flush());
        holds(0, 1);
        endServer();
    }

    @Test
    void time_switches_a_filter_on_and_off() throws Exception {
        serveWith("error:op=read,until=1ms", "error:op=write,from=1000000s");
        Thread.sleep(2);
        assertEquals(GOOD, read(0));
        assertEquals(GOOD, write(0, 1));
        endServer();
        serveWith("error:op=read,from=1ms", "error:op=write,until=1000000s");
        Thread.sleep(2);
        assertEquals(BAD, read(0));
        assertEquals(BAD, write(0, 1));
        endServer();
    }

    @Test
    void filters_are_passed_from_the_outermost_on() throws Exception {
        serveWith("error:op=read,errno=ENOSPC,nth=1", "error:op=read,errno=ETIMEDOUT,nth=1");
        assertEquals(Result.NO_SPACE, read(0));
        assertEquals(Result.TIMEOUT, read(0));
        assertEquals(GOOD, read(0));
        endServer();
        serveWith("error:op=write,fail=after,errno=ENOSPC", "error:op=write,fail=after,errno=ETIMEDOUT");
        assertEquals(Result.NO_SPACE, write(0, 1));
        endServer();
    }

    @Test
    void an_image_is_behind_filters_as_well_and_the_library_of_a_backend_tells_its_errors() throws Exception {
        Path image = directory.resolve("image");
        serve("file:" + image, "error:op=write,nth=2");
        assertEquals(List.of(GOOD, BAD, GOOD), writes(3));
        assertEquals(GOOD, flush());
        assertEquals(GOOD, resultOf(disk.submit(Operation.DISCARD, 0, BLOCK, null, false, 0)));
        holds(0, 0);
        holds(2, 3);
        try (var file = new java.io.RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(BLOCK);
        }
        assertEquals(BAD, read(2));
        assertEquals("abusectl: /dev/abctl0: " + image + ": the image ends before the disk does\n", endServer());
    }

    @Test
    void a_disk_may_become_read_only_while_its_users_think_that_it_is_not() throws Exception {
        Path trigger = directory.resolve("trigger");
        serveWith("readonly:when=" + trigger);
        assertEquals(GOOD, write(0, 1));
        make(trigger);
        assertEquals(BAD, write(0, 2));
        assertEquals(BAD, resultOf(disk.submit(Operation.DISCARD, 0, BLOCK, null, false, 0)));
        assertEquals(BAD, resultOf(disk.submit(Operation.WRITE_ZEROES, 0, BLOCK, null, false, 0)));
        assertEquals(GOOD, flush());
        holds(0, 1);
        endServer();
    }
}
