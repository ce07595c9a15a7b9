// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import abuse.device.Operation;
import abuse.device.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The filter cow. */
class CowFilterTest extends FilterTestBase {
    private Result zero(Operation operation, long block, int blocks) throws Exception {
        return resultOf(disk.submit(operation, block * BLOCK, blocks * BLOCK, null, false, 0));
    }

    private byte[] read(long block, int blocks) throws Exception {
        var answer = disk.read(block * BLOCK, blocks * BLOCK).await();
        assertFalse(answer.failed());
        return answer.data();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void the_backend_stays_as_it_is(boolean inFile) throws Exception {
        Path image = directory.resolve("image");
        Path overlay = directory.resolve("overlay");
        serve("file:" + image);
        for (int block = 0; block < 8; block++) {
            write(block, block + 1);
        }
        endServer();
        byte[] before = Files.readAllBytes(image);

        serve("file:" + image, inFile ? "cow:file=" + overlay : "cow");
        assertFalse(Files.exists(overlay));
        holds(1, 2);
        assertEquals(Result.OKAY, write(1, 101));
        assertEquals(Result.OKAY, resultOf(disk.writeFua(3 * BLOCK, bytes(103))));
        assertEquals(Result.OKAY, flush());
        assertEquals(Result.OKAY, zero(Operation.WRITE_ZEROES, 4, 1));
        assertEquals(Result.OKAY, zero(Operation.DISCARD, 5, 2));
        int[] expected = {1, 101, 3, 103, 0, 0, 0, 8};
        byte[] all = read(0, 8);
        for (int block = 0; block < 8; block++) {
            assertArrayEquals(expected[block] == 0 ? new byte[BLOCK] : bytes(expected[block]),
                    Arrays.copyOfRange(all, block * BLOCK, (block + 1) * BLOCK), "block " + block);
            holds(block, expected[block]);
        }
        assertEquals(Result.OKAY, write(5, 105));
        holds(5, 105);
        assertEquals("", endServer());
        assertArrayEquals(before, Files.readAllBytes(image));
    }

    @Test
    void an_overlay_comes_and_goes_while_the_disk_is_used() throws Exception {
        serve("mem", "--control");
        write(0, 1);
        assertEquals("", succeed("filter", "0", "add", "cow"));
        write(0, 2);
        write(1, 3);
        holds(0, 2);
        assertEquals("", succeed("filter", "0", "remove", "cow"));
        holds(0, 1);
        holds(1, 0);
        endServer();
    }

    @Test
    void all_is_read_that_was_written_last() throws Exception {
        serveWith("cow");
        byte[] model = new byte[64 * BLOCK];
        var random = new Random(1);
        for (int round = 0; round < 500; round++) {
            int blocks = random.nextInt(1, 17);
            int first = random.nextInt(0, 65 - blocks);
            byte[] data = new byte[blocks * BLOCK];
            switch (random.nextInt(4)) {
                case 0 -> {
                    assertEquals(Result.OKAY, zero(Operation.DISCARD, first, blocks));
                    System.arraycopy(data, 0, model, first * BLOCK, data.length);
                }
                case 1 -> {
                    random.nextBytes(data);
                    assertEquals(Result.OKAY, resultOf(disk.write((long) first * BLOCK, data)));
                    System.arraycopy(data, 0, model, first * BLOCK, data.length);
                }
                default -> assertArrayEquals(Arrays.copyOfRange(model, first * BLOCK, (first + blocks) * BLOCK), read(first, blocks));
            }
        }
        assertArrayEquals(model, read(0, 64));
        endServer();
    }

    @Test
    void a_file_that_is_there_is_not_taken() throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "mine");
        devices.add(0).setUp(1 << 20);
        assertEquals("--filter cow: file=" + file + ": File exists", fail("server", "0", "mem", "--filter", "cow:file=" + file));
        assertEquals("mine", Files.readString(file));
        assertEquals("server: --filter cow: nth is of no use, as an overlay takes all requests",
                misuse("server", "0", "mem", "--filter", "cow:nth=1"));
    }
}
