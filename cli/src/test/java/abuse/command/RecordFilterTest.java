// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.Result;
import abuse.device.SimulatedDisk.Submitted;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The 'record' filter, whose file is read as the kernel's source describes it. */
class RecordFilterTest extends FilterTestBase {
    private static final int FLUSH = 1;
    private static final int FUA = 2;
    private static final int DISCARD = 4;
    private static final int MARK = 8;
    private static final int NOTHING = 16;

    private Path log;

    @BeforeEach
    void nameTheLog() {
        log = directory.resolve("log");
    }

    private record Entry(long sector, long sectors, long flags, String text, byte[] data) {}

    private List<Entry> entries() throws Exception {
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(log)).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(0x6a736677736872L, file.getLong(0));
        assertEquals(1, file.getLong(8));
        long number = file.getLong(16);
        assertEquals(BLOCK, file.getInt(24));
        int at = BLOCK;
        var entries = new ArrayList<Entry>();
        for (long i = 0; i < number; i++) {
            long flags = file.getLong(at + 16);
            byte[] text = new byte[(int) file.getLong(at + 24)];
            file.get(at + 32, text);
            assertEquals(0, file.get(at + 32 + text.length), "what follows the text");
            byte[] data = new byte[flags == DISCARD ? 0 : (int) file.getLong(at + 8) * BLOCK];
            file.get(at + BLOCK, data);
            entries.add(new Entry(file.getLong(at), file.getLong(at + 8), flags, new String(text, UTF_8), data));
            at += BLOCK + data.length;
        }
        assertEquals(file.capacity(), at, "the end of the file");
        return entries;
    }

    private List<String> words() throws Exception {
        return entries().stream().map(entry -> entry.flags + " " + entry.sector + "+" + entry.sectors + entry.text).toList();
    }

    @Test
    void all_that_changes_the_disk_is_there() throws Exception {
        serveWith("record:" + log, "error:op=write,range=512K-");
        assertEquals(Result.OKAY, write(1, 1));
        assertEquals(Result.OKAY, read(1));
        assertEquals(Result.OKAY, resultOf(disk.writeFua(2 * BLOCK, bytes(2))));
        assertEquals(Result.MEDIA_FAILURE, write(200, 3));
        assertEquals(Result.OKAY, flush());
        assertEquals("", succeed("mark", "0", "a mark"));
        assertEquals(Result.OKAY, resultOf(disk.submit(Operation.WRITE_ZEROES, 0, 8 * BLOCK, null, false, 0)));
        assertEquals(Result.OKAY, resultOf(disk.submit(Operation.DISCARD, 8 * BLOCK, 8 * BLOCK, null, false, 0)));
        assertEquals(List.of("0 1+1", FUA + " 2+1", FLUSH + " 0+0", MARK + " 0+0a mark", "0 0+8", DISCARD + " 8+8"), words(), "while it is served");
        assertEquals("", endServer());
        assertEquals(List.of("0 1+1", FUA + " 2+1", FLUSH + " 0+0", MARK + " 0+0a mark", "0 0+8", DISCARD + " 8+8"), words());
        assertArrayEquals(bytes(1), entries().get(0).data);
        assertArrayEquals(bytes(2), entries().get(1).data);
        assertArrayEquals(new byte[8 * BLOCK], entries().get(4).data);
    }

    @Test
    void a_flush_stands_where_it_began() throws Exception {
        Path hang = Files.createFile(directory.resolve("hang"));
        serveWith("record:file=" + log, "stall:op=flush,when=" + hang, "error:op=flush,nth=2");
        write(1, 1);
        Submitted flush = disk.flush();
        server.await(() -> succeed("filter", "0", "-n", "-o", "name,matched").matches("(?s).*stall +1\\n.*"));
        write(2, 2);
        assertEquals(List.of("0 1+1", NOTHING + " 0+0", "0 2+1"), words());
        Files.delete(hang);
        assertEquals(Result.OKAY, resultOf(flush));
        assertEquals(List.of("0 1+1", FLUSH + " 0+0", "0 2+1"), words());
        assertEquals(Result.MEDIA_FAILURE, flush());
        endServer();
        assertEquals(List.of("0 1+1", FLUSH + " 0+0", "0 2+1", NOTHING + " 0+0"), words());
    }

    /** Begin and end of an entry, whose place is known. */
    private static long[] times(ByteBuffer file, int place) {
        return new long[] {file.getLong(place + BLOCK - 16), file.getLong(place + BLOCK - 8)};
    }

    @Test
    void begins_and_ends_are_told() throws Exception {
        Path hang = Files.createFile(directory.resolve("hang"));
        serveWith("record:file=" + log, "stall:op=flush+write,range=4K-12K,when=" + hang);
        Submitted slow = disk.write(BLOCK, bytes(1));
        server.await(() -> succeed("filter", "0", "-n", "-o", "name,matched").matches("(?s).*stall +1\\n.*"));
        assertEquals(Result.OKAY, write(5, 2));
        assertEquals(Result.OKAY, flush());
        assertEquals("", succeed("mark", "0", "m"));
        Files.delete(hang);
        assertEquals(Result.OKAY, resultOf(slow));
        endServer();
        assertEquals(List.of("0 5+1", FLUSH + " 0+0", MARK + " 0+0m", "0 1+1"), words());
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(log)).order(ByteOrder.LITTLE_ENDIAN);
        assertArrayEquals(new long[] {2, 3}, times(file, BLOCK));
        assertArrayEquals(new long[] {4, 5}, times(file, 3 * BLOCK));
        assertArrayEquals(new long[] {6, 6}, times(file, 4 * BLOCK));
        assertArrayEquals(new long[] {1, 7}, times(file, 5 * BLOCK));
    }

    @Test
    void large_zeroes_come_in_pieces() throws Exception {
        disk = devices.add(0).setUp(40 << 20, Flag.WRITE_ZEROES);
        serveWith("record:" + log);
        assertEquals(Result.OKAY, resultOf(disk.submit(Operation.WRITE_ZEROES, 0, 40 << 20, null, true, 0)));
        endServer();
        assertEquals(List.of(FUA + " 0+4096", FUA + " 4096+4096", FUA + " 8192+2048"), words());
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(log)).order(ByteOrder.LITTLE_ENDIAN);
        for (int piece = 0; piece < 3; piece++) {
            assertArrayEquals(new long[] {1, 2}, times(file, BLOCK + piece * (BLOCK + (16 << 20))));
        }
        Path base = directory.resolve("base");
        try (var image = new RandomAccessFile(base.toFile(), "rw")) {
            image.setLength(40 << 20);
        }
        // Any of the pieces and, as the request is one, all of them from its end on
        assertTrue(succeed("crashes", log.toString(), "--base", base.toString(), "--check", "true {}").startsWith("11 states, 0 bad"));
    }

    @Test
    void a_log_that_is_there_is_kept() throws Exception {
        serveWith("record:" + log);
        write(1, 1);
        endServer();
        byte[] before = Files.readAllBytes(log);
        assertEquals(log + ": is there already, and a record is not continued; name a new file", fail("server", "0", "mem", "--filter", "record:" + log));
        assertArrayEquals(before, Files.readAllBytes(log));
    }

    @Test
    void it_comes_and_goes_while_the_disk_is_used() throws Exception {
        serveWith("--control");
        write(1, 1);
        assertEquals("/dev/abctl0: nothing is recorded; try 'abusectl filter /dev/abctl0 add record:FILE'", fail("mark", "0", "early"));
        assertEquals("", succeed("filter", "0", "add", "record:" + log));
        write(2, 2);
        flush();
        assertEquals("NAME   KEYS\nrecord file=" + log + "\n", succeed("filter", "0", "-o", "name,keys"));
        assertEquals("", succeed("filter", "0", "remove", "record"));
        write(3, 3);
        endServer();
        assertEquals(List.of("0 2+1", FLUSH + " 0+0"), words());
    }

    @Test
    void a_log_that_has_nothing_yet_is_begun_again() throws Exception {
        disk = devices.add(0).setUp(1 << 20);
        // The second one cannot be opened, after the first one was
        assertEquals(log + ": is being written by another 'record' filter", fail("server", "0", "mem", "--filter", "record:" + log, "--filter", "record:" + log));
        serveWith("record:" + log);
        assertEquals("/dev/abctl0: " + log + ": is being written by another 'record' filter", fail("filter", "0", "add", "record:" + log));
        write(1, 1);
        endServer();
        assertEquals(List.of(FUA + " 1+1"), words());
    }

    @Test
    void it_is_not_where_it_would_see_nothing() throws Exception {
        disk = devices.add(0).setUp(1 << 20);
        String message = "the 'record' filter sees no write behind cow, which keeps them; name record first";
        assertEquals(message, fail("server", "0", "mem", "--filter", "cow", "--filter", "record:" + log));
        serveWith("cow");
        assertEquals("/dev/abctl0: " + message, fail("filter", "0", "add", "record:" + log));
        endServer();
        serveWith("record:" + log, "cow");
        write(1, 1);
        endServer();
        assertEquals(List.of(FUA + " 1+1"), words());
    }

    @Test
    void an_image_that_is_served_is_not_replayed_onto() throws Exception {
        Path image = directory.resolve("image");
        serve("file:" + image, "record:" + log);
        write(1, 1);
        String message = image + ": it is served as /dev/abuse0; end that first";
        assertEquals(message, fail("replay", log.toString(), "--onto", image.toString()));
        assertEquals(message, fail("crashes", log.toString(), "--base", image.toString(), "--check", "true {}"));
        endServer();
        succeed("replay", log.toString(), "--onto", image.toString());
    }

    @Test
    void mistakes_are_named() throws Exception {
        disk = devices.add(0).setUp(1 << 20);
        assertEquals("server: --filter record: needs a file, as in record:PATH", misuse("server", "0", "mem", "--filter", "record"));
        assertEquals("server: --filter record: range is of no use, as a record takes all requests",
                misuse("server", "0", "mem", "--filter", "record:" + log + ",range=0-4K"));
        assertTrue(misuse("server", "0", "mem", "--filter", "check:" + log).contains("unknown key '" + log + "'"));
        assertEquals("mark: TEXT is missing", misuse("mark"));
        assertEquals("mark: tabs and line breaks are not possible in 'a b'", misuse("mark", "0", "a\tb"));
        serveWith("record:" + log);
        assertEquals(Result.OKAY, read(0));
        assertEquals("/dev/abctl0: a mark has 4039 bytes at most in this record, and this one has 4040", fail("mark", "0", "x".repeat(4040)));
        assertEquals("", succeed("mark", "0", "x".repeat(4039)));
        assertEquals("", succeed("mark", "0", "\u00e9"));
        endServer();
        assertEquals(List.of(MARK + " 0+0" + "x".repeat(4039), MARK + " 0+0\u00e9"), words());
    }
}
