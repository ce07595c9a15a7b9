// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Logs that are made here, byte for byte, as the kernel's source describes them. */
class ReplayTest extends CommandTestBase {
    private static final int SECTOR = LogFile.SECTOR;
    private static final int METADATA = 16;

    private Path log;
    private Path image;

    @BeforeEach
    void makeFiles() throws Exception {
        log = directory.resolve("log");
        image = directory.resolve("image");
        new LogFile().add(0, 2, 0, "", 'a').flush().write(1, 'b').add(4, 1, LogFile.FUA, "", 'c').mark("here")
                .add(0, 1, LogFile.DISCARD, "", 0).flush().store(log);
        fill('.', 8 * SECTOR);
    }

    private void fill(char letter, int length) throws Exception {
        byte[] all = new byte[length];
        Arrays.fill(all, (byte) letter);
        Files.write(image, all);
    }

    /** The first byte of each sector of the image, 0 for a NUL. */
    private String sectors() throws Exception {
        byte[] all = Files.readAllBytes(image);
        var text = new StringBuilder();
        for (int i = 0; i < all.length; i += SECTOR) {
            byte[] sector = Arrays.copyOfRange(all, i, i + SECTOR);
            byte[] same = new byte[SECTOR];
            Arrays.fill(same, sector[0]);
            assertArrayEquals(same, sector);
            text.append(sector[0] == 0 ? '0' : (char) sector[0]);
        }
        return text.toString();
    }

    @Test
    void entries_are_shown() {
        assertEquals("""
                ENTRY SECTOR LENGTH FLAGS   MARK
                    0      0     1K -       -
                    1      -      - flush   -
                    2      1   512B -       -
                    3      4   512B fua     -
                    4      -      - mark    here
                    5      0   512B discard -
                    6      -      - flush   -
                """, succeed("replay", log.toString()));
        assertEquals("0 0\n1 -\n2 512\n3 2048\n", succeed("replay", log.toString(), "--to-entry", "3", "-n", "-o", "entry,offset", "-b")
                .replaceAll(" +", " ").replaceAll("(?m)^ ", ""));
        assertEquals("""
                {
                  "entries": [
                    {
                      "entry": 0,
                      "sector": 0,
                      "offset": 0,
                      "length": 1024,
                      "flags": [],
                      "mark": null
                    }
                  ]
                }
                """, succeed("replay", log.toString(), "--json", "--to-entry=0"));
    }

    @ParameterizedTest
    @CsvSource({"'', 0b..c...", "--to-entry=0, aa......", "--to-flush=1, aa......", "--to-entry=2, ab......", "--to-mark=here, ab..c...",
        "--to-flush=2, 0b..c...", "--to-mark=here --durable, aa..c...", "--to-entry=2 --durable, aa......", "--durable, 0b..c..."})
    void an_image_is_changed_up_to_some_place(String options, String expected) throws Exception {
        var words = new ArrayList<>(List.of("replay", log.toString(), "--onto", image.toString()));
        words.addAll(Arrays.stream(options.split(" ")).filter(word -> !word.isEmpty()).toList());
        assertEquals("", succeed(words.toArray(String[]::new)));
        assertEquals(expected, sectors());
    }

    @Test
    void a_flush_that_ends_later_has_made_nothing_durable() throws Exception {
        new LogFile().write(0, 'a').times(1, 2).flush().times(3, 6).write(1, 'b').times(4, 5).mark("m").times(7, 7).store(log);
        succeed("replay", log.toString(), "--onto", image.toString(), "--durable", "--to-entry=2");
        assertEquals("........", sectors());
        succeed("replay", log.toString(), "--onto", image.toString(), "--durable", "--to-mark=m");
        assertEquals("a.......", sectors());
    }

    @Test
    void a_flush_without_a_good_end_takes_away_nothing_that_was_durable() throws Exception {
        // The end of the second flush is not known, and the third write ends while the third flush is under way
        new LogFile().write(0, 'a').times(1, 2).flush().times(3, 4).add(0, 0, METADATA, "", 0).times(5, 0).write(1, 'b').times(6, 7)
                .flush().times(8, 10).write(2, 'c').times(1, 9).store(log);
        for (int entry = 2; entry < 6; entry++) {
            fill('.', 8 * SECTOR);
            succeed("replay", log.toString(), "--onto", image.toString(), "--durable", "--to-entry=" + entry);
            assertEquals(entry == 4 ? "ab......" : "a.......", sectors(), "entry " + entry);
        }
        succeed("replay", log.toString(), "--onto", image.toString(), "--durable");
        assertEquals("ab......", sectors());
    }

    @Test
    void times_that_are_wrong_are_refused() throws Exception {
        for (long[] times : new long[][] {{0, 3}, {4, 3}, {2, 2}}) {
            new LogFile().write(0, 'a').times(1, 2).write(1, 'b').times(times[0], times[1]).store(log);
            assertEquals(log + ": is damaged: the times of entry 1 make no sense", fail("replay", log.toString()));
        }
        for (long[] times : new long[][] {{2, 3}, {3, 3}, {3, 0}}) {
            new LogFile().write(0, 'a').times(1, 2).flush().times(times[0], times[1]).store(log);
            assertEquals(log + ": is damaged: the times of entry 1 make no sense", fail("replay", log.toString()));
        }
    }

    @Test
    void a_log_that_is_wrong_changes_nothing() throws Exception {
        byte[] good = Files.readAllBytes(log);
        refused("is neither a record nor a log of dm-log-writes", good, 0, 8, 1);
        refused("is a record of version 2, and only version 1 is known", good, 8, 8, 2);
        refused("is damaged: its sectors have 100 bytes", good, 24, 4, 100);
        refused("is damaged: its sectors have 0 bytes", good, 24, 4, 0);
        refused("is cut short: entry 7 of 8 is not there", good, 16, 8, 8);
        refused("is cut short: entry 7 of 18446744073709551615 is not there", good, 16, 8, -1);
        refused("is cut short, or damaged: the data of entry 0, 512000 bytes, is not there", good, SECTOR + 8, 8, 1000);
        refused("is damaged: entry 0 makes no sense", good, SECTOR + 8, 8, Long.MAX_VALUE);
        refused("is damaged: entry 0 makes no sense", good, SECTOR + 8, 8, -1);
        refused("is damaged: entry 0 makes no sense", good, SECTOR, 8, -1);
        refused("is damaged: entry 1 makes no sense", good, 4 * SECTOR + 16, 8, 0);
        refused("is damaged, or newer than this program: entry 0 has the flags 0x40", good, SECTOR + 16, 8, 0x40);
        refused("is damaged: entry 4 makes no sense", good, 9 * SECTOR + 24, 8, 481);
        Files.write(log, Arrays.copyOf(good, good.length - 1));
        assertEquals(log + ": is cut short: entry 6 of 7 is not there", fail("replay", log.toString()));
        Files.write(log, new byte[0]);
        assertEquals(log + ": is neither a record nor a log of dm-log-writes", fail("replay", log.toString()));
        assertEquals("/no/log: No such file or directory", fail("replay", "/no/log"));
    }

    private void refused(String message, byte[] good, int at, int length, long value) throws Exception {
        byte[] bad = good.clone();
        ByteBuffer numbers = ByteBuffer.wrap(bad).order(ByteOrder.LITTLE_ENDIAN);
        if (length == 8) {
            numbers.putLong(at, value);
        } else {
            numbers.putInt(at, (int) value);
        }
        Files.write(log, bad);
        assertEquals(log + ": " + message, fail("replay", log.toString(), "--onto", image.toString()));
        assertEquals("........", sectors());
    }

    @Test
    void an_image_that_is_too_small_is_not_changed() throws Exception {
        fill('.', 4 * SECTOR);
        assertEquals(image + ": has 2048 bytes, and the recorded disk had at least 2560", fail("replay", log.toString(), "--onto", image.toString()));
        assertEquals("....", sectors());
        assertEquals("", succeed("replay", log.toString(), "--onto", image.toString(), "--to-entry", "2"));
        assertEquals("--onto=/no/image: No such file or directory", fail("replay", log.toString(), "--onto", "/no/image"));
    }

    @Test
    void a_record_is_no_image() throws Exception {
        byte[] before = Files.readAllBytes(log);
        Path link = Files.createSymbolicLink(directory.resolve("link"), log);
        Path twin = Files.createLink(directory.resolve("twin"), log);
        Path copy = Files.copy(log, directory.resolve("copy"));
        assertEquals(log + ": is the record itself", fail("replay", log.toString(), "--onto", log.toString()));
        for (Path other : List.of(link, twin)) {
            assertEquals(other + ": is the record itself, " + log, fail("replay", log.toString(), "--onto", other.toString()));
        }
        assertEquals(copy + ": is a record, and not the image of a disk", fail("replay", log.toString(), "--onto", copy.toString()));
        assertArrayEquals(before, Files.readAllBytes(log));
        assertArrayEquals(before, Files.readAllBytes(copy));
    }

    @Test
    void an_image_that_is_not_raw_is_not_changed() throws Exception {
        byte[] qcow2 = new byte[8 * SECTOR];
        ByteBuffer.wrap(qcow2).putInt(0x514649fb);
        Files.write(image, qcow2);
        assertEquals(image + ": is a qcow2 image, and only a raw one can be used; 'abusectl run qcow2:" + image + "' serves the disk in it; name that",
                fail("replay", log.toString(), "--onto", image.toString()));
        assertArrayEquals(qcow2, Files.readAllBytes(image));
    }

    @Test
    void mistakes_are_named() throws Exception {
        String name = log.toString();
        assertEquals("replay: --to-mark, --to-entry and --to-flush exclude each other", misuse("replay", name, "--to-mark", "x", "--to-flush=1"));
        for (String option : new String[] {"--json", "-n", "-b"}) {
            assertEquals("replay: --onto prints nothing, so options for columns are of no use", misuse("replay", name, "--onto", "x", option));
        }
        assertEquals("replay: --to-flush=0 must be at least 1", misuse("replay", name, "--to-flush=0"));
        assertEquals("replay: --to-entry=x is not a number", misuse("replay", name, "--to-entry=x"));
        assertEquals(log + ": has no entry 7; the last one is 6", fail("replay", name, "--to-entry", "7"));
        assertEquals(log + ": has no flush 3; the last one is 2", fail("replay", name, "--to-flush", "3"));
        new LogFile().mark("stored").mark("begun").store(log);
        assertEquals(log + ": has no mark 'stord'; did you mean 'stored'?", fail("replay", name, "--to-mark", "stord"));
        assertEquals(log + ": has no mark 'there'; 'abusectl replay -n -o MARK " + log + "' shows them", fail("replay", name, "--to-mark", "there"));
        assertEquals("stored\nbegun\n", succeed("replay", "-n", "-o", "MARK", name));
        new LogFile().store(log);
        assertEquals(log + ": has no mark 'there'; it has none", fail("replay", name, "--to-mark", "there"));
        assertEquals(log + ": has no entry 0; it has none", fail("replay", name, "--to-entry=0"));
        assertEquals(log + ": has no flush 1; it has none", fail("replay", name, "--to-flush=1"));
    }
}
