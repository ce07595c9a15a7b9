// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Operation;
import abuse.device.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The filters corrupt and check. */
class CorruptFilterTest extends FilterTestBase {
    private byte[] content(long block) throws Exception {
        var answer = disk.read(block * BLOCK, BLOCK).await();
        assertTrue(!answer.failed());
        return answer.data();
    }

    private static List<Integer> differences(byte[] one, byte[] other) {
        return java.util.stream.IntStream.range(0, one.length * 8)
                .filter(i -> (one[i / 8] ^ other[i / 8]) >> i % 8 != 0 && ((one[i / 8] ^ other[i / 8]) >> i % 8 & 1) != 0).boxed().toList();
    }

    @Test
    void bits_of_a_read_are_flipped_and_the_disk_keeps_them() throws Exception {
        serveWith("corrupt:op=read,nth=2,bits=3");
        write(3, 1);
        holds(3, 1);
        List<Integer> flipped = differences(bytes(1), content(3));
        holds(3, 1);
        assertEquals(3, flipped.size());
        List<String> lines = endServer().lines().toList();
        assertEquals(3, lines.size());
        for (String line : lines) {
            var matcher = Pattern.compile("corrupt flip read 12288\\+4096 byte ([0-9]+) bit ([0-7])").matcher(line);
            assertTrue(matcher.matches(), line);
            assertTrue(flipped.contains((Integer.parseInt(matcher.group(1)) - 3 * BLOCK) * 8 + Integer.parseInt(matcher.group(2))), line);
        }
    }

    @Test
    void bits_of_a_write_are_flipped() throws Exception {
        serveWith("corrupt:op=write,nth=1");
        assertEquals(Result.OKAY, write(3, 1));
        assertEquals(1, differences(bytes(1), content(3)).size());
        write(3, 1);
        holds(3, 1);
        endServer();
    }

    @Test
    void a_write_is_whole_again_for_those_outside() throws Exception {
        Path log = directory.resolve("record");
        serveWith("record:" + log, "retry", "corrupt:op=write,nth=1,bits=9", "error:op=write,nth=1");
        assertEquals(Result.OKAY, write(3, 1));
        // The second time it was not picked
        holds(3, 1);
        assertEquals(Result.OKAY, write(4, 2));
        endServer();
        byte[] recorded = Files.readAllBytes(log);
        assertArrayEquals(bytes(1), Arrays.copyOfRange(recorded, 2 * BLOCK, 3 * BLOCK));
    }

    @Test
    void stuck_bits_are_those_of_their_block_whatever_is_written() throws Exception {
        serveWith("corrupt:kind=stuck,bits=3,range=12K-16K", "--control");
        byte[] zeros = new byte[BLOCK];
        byte[] ones = new byte[BLOCK];
        Arrays.fill(ones, (byte) -1);
        resultOf(disk.write(3 * BLOCK, zeros));
        List<Integer> stuckAtOne = differences(zeros, content(3));
        assertEquals(stuckAtOne, differences(zeros, content(3)));
        resultOf(disk.write(3 * BLOCK, ones));
        List<Integer> stuckAtZero = differences(ones, content(3));
        assertEquals(3, stuckAtOne.size() + stuckAtZero.size());
        write(4, 1);
        holds(4, 1);
        // The disk itself has what was written
        succeed("filter", "0", "remove", "corrupt");
        assertArrayEquals(ones, content(3));
        List<String> lines = endServer().lines().toList();
        assertEquals(2 * stuckAtOne.size() + stuckAtZero.size(), lines.size());
        for (String line : lines) {
            assertTrue(line.matches("corrupt stuck read 12288\\+4096 byte [0-9]+ bit [0-7] at [01]"), line);
        }
    }

    @Test
    void a_write_is_lost() throws Exception {
        serveWith("corrupt:kind=lost,nth=2");
        write(3, 1);
        assertEquals(Result.OKAY, write(3, 2));
        holds(3, 1);
        write(3, 3);
        holds(3, 3);
        assertEquals("corrupt lost write 12288+4096\n", endServer());
    }

    @Test
    void a_write_goes_to_another_place() throws Exception {
        serveWith("log", "corrupt:kind=misdirected,nth=1");
        assertEquals(Result.OKAY, write(3, 1));
        holds(3, 0);
        String line = endServer().lines().toList().get(0);
        assertTrue(line.matches("corrupt misdirected write 12288\\+4096 to [0-9]+"), line);
    }

    @Test
    void what_went_to_another_place_is_there() throws Exception {
        serveWith("corrupt:kind=misdirected,nth=1");
        write(3, 1);
        int found = 0;
        for (int i = 0; i < 256; i++) {
            found += Arrays.equals(bytes(1), content(i)) ? 1 : 0;
        }
        assertEquals(1, found);
        endServer();
    }

    @Test
    void only_the_first_blocks_of_a_write_are_carried_out() throws Exception {
        serveWith("corrupt:kind=torn,nth=1");
        byte[] all = new byte[8 * BLOCK];
        new java.util.Random(1).nextBytes(all);
        assertEquals(Result.OKAY, resultOf(disk.write(0, all)));
        byte[] read = disk.read(0, 8 * BLOCK).await().data();
        int kept = 0;
        while (kept < 8 && Arrays.equals(all, kept * BLOCK, (kept + 1) * BLOCK, read, kept * BLOCK, (kept + 1) * BLOCK)) {
            kept++;
        }
        assertTrue(kept > 0 && kept < 8, kept + " blocks");
        assertArrayEquals(new byte[(8 - kept) * BLOCK], Arrays.copyOfRange(read, kept * BLOCK, 8 * BLOCK));
        assertEquals("corrupt torn write 0+32768 after " + kept * BLOCK + "\n", endServer());
    }

    @Test
    void a_read_gets_what_was_there_before_the_last_write() throws Exception {
        serveWith("corrupt:kind=stale,op=read,range=12K-16K,every=2");
        holds(3, 0);
        write(3, 1);
        holds(3, 0);
        write(3, 2);
        holds(3, 2);
        holds(3, 1);
        holds(3, 2);
        assertEquals("corrupt stale read 12288+4096 blocks 1\n".repeat(2), endServer());
    }

    @Test
    void a_checker_of_checksums_finds_what_was_corrupted() throws Exception {
        serveWith("check", "corrupt:op=read,nth=3");
        write(1, 1);
        holds(1, 1);
        holds(1, 1);
        content(1);
        holds(1, 1);
        String told = endServer();
        assertTrue(told.contains("check: the block at 4096 is not what it was\n"), told);
        assertEquals(2, told.lines().count(), told);
    }

    @Test
    void a_read_that_differs_may_fail() throws Exception {
        serveWith("check:fail", "corrupt:kind=lost,nth=2");
        write(1, 1);
        write(1, 2);
        assertEquals(Result.MEDIA_FAILURE, read(1));
        write(1, 3);
        holds(1, 3);
        endServer();
    }

    @Test
    void all_is_well_without_corruption() throws Exception {
        serveWith("check:fail");
        for (int i = 0; i < 64; i++) {
            write(i % 16, i + 1);
            holds(i % 16, i + 1);
        }
        assertEquals(Result.OKAY, resultOf(disk.submit(Operation.WRITE_ZEROES, 0, 16 * BLOCK, null, false, 0)));
        for (int i = 0; i < 20; i++) {
            holds(i, 0);
        }
        assertEquals(Result.OKAY, resultOf(disk.submit(Operation.DISCARD, 0, 16 * BLOCK, null, false, 0)));
        assertEquals(Result.OKAY, read(0));
        // Which of these comes last is up to the disk
        for (int i = 0; i < 50; i++) {
            var first = disk.write(0, bytes(i));
            var second = disk.write(0, bytes(i + 1));
            var read = disk.read(0, BLOCK);
            first.await();
            second.await();
            assertEquals(Result.OKAY, resultOf(read));
            assertEquals(Result.OKAY, read(0));
        }
        assertEquals("", endServer());
    }
}
