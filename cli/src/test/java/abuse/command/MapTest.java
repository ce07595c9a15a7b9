// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Advice;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Mapped;
import abuse.libc.Unix;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Parts of a disk that are mapped by hand. */
@Timeout(600)
class MapTest {
    private final Commands commands = new Commands();

    private void ready() {
        commands.devices.add(0).setUp(16 << 20, Flag.MAPPABLE);
    }

    @Test
    void parts_are_mapped_shown_and_unmapped() {
        ready();
        assertEquals("", commands.succeed("maps", "0"));
        assertEquals("", commands.succeed("map", "0", "0", "8M", "/dev/sda"));
        commands.succeed("map", "-r", "/dev/abuse0", "8M", "-", "/dev/mapper/a:b:64K");
        assertEquals("OFFSET LENGTH TARGET          TOFFSET MODE\n"
                + "    0B     8M /dev/sda             0B rw\n"
                + "    8M     8M /dev/mapper/a:b     64K ro\n", commands.succeed("maps", "0"));
        assertEquals("/dev/sda\n/dev/mapper/a:b\n", commands.succeed("maps", "-n", "-o", "target", "0"));
        assertEquals("{\"maps\":[{\"offset\":0,\"length\":8388608,\"target\":\"/dev/sda\",\"toffset\":0,\"mode\":\"rw\"},"
                + "{\"offset\":8388608,\"length\":8388608,\"target\":\"/dev/mapper/a:b\",\"toffset\":65536,\"mode\":\"ro\"}]}",
                commands.succeed("maps", "--json", "0").replaceAll("\\s", ""));
        assertEquals("", commands.succeed("unmap", "0", "4K", "4K"));
        assertEquals("0 4096\n8192 8380416\n8388608 8388608\n",
                commands.succeed("maps", "-nb", "-o", "offset,length", "0").replaceAll("(?m)^ +", "").replaceAll(" +", " "));
        commands.succeed("unmap", "0", "8M");
        commands.succeed("unmap", "0");
        assertEquals("{\"maps\":[]}", commands.succeed("maps", "--json", "0").replaceAll("\\s", ""));
    }

    @Test
    void discards_and_zeroes_are_mapped_when_that_is_said_and_the_device_can() {
        var disk = commands.devices.add(0).setUp(16 << 20, Flag.MAPPABLE);
        commands.succeed("map", "--discard", "--write-zeroes", "0", "0", "4M", "/dev/sda");
        commands.succeed("map", "--discard", "0", "4M", "4M", "/dev/sda:4M");
        commands.succeed("map", "--write-zeroes", "0", "8M", "4M", "/dev/sda:8M");
        assertEquals("rwdz\nrwd\nrwz\n", commands.succeed("maps", "-n", "-o", "mode", "0"));
        disk.targetsCan(false, false);
        assertEquals("/dev/sdb: cannot do discards", commands.fail("map", "--discard", "0", "12M", "-", "/dev/sdb"));
        assertEquals("/dev/sdb: cannot do writes of zeroes, or cannot make them durable, as a disk without a write cache needs",
                commands.fail("map", "--write-zeroes", "0", "12M", "-", "/dev/sdb"));
        assertEquals("/dev/sdb: cannot do both discards and writes of zeroes",
                commands.fail("map", "--write-zeroes", "--discard", "0", "12M", "-", "/dev/sdb"));
        for (String option : new String[] {"--discard", "--write-zeroes"}) {
            assertEquals("map: --discard and --write-zeroes need writes, which --read-only leaves to the servers",
                    commands.misuse("map", "-r", option, "0", "12M", "-", "/dev/sdb"));
        }
        assertEquals(3, commands.succeed("maps", "-n", "0").lines().count());
    }

    /** As in the links of /dev/disk/by-path. */
    @Test
    void a_path_that_is_there_is_not_cut_at_its_colon(@TempDir Path directory) throws Exception {
        ready();
        String path = Files.createFile(directory.resolve("pci-0000:00:17.0-ata:1")).toString();
        commands.succeed("map", "0", "0", "4M", path);
        commands.succeed("map", "0", "4M", "4M", path + ":64K");
        assertEquals(path + " 0B\n" + path + " 64K\n", commands.succeed("maps", "-n", "-o", "target,toffset", "0")
                .replaceAll(" +", " "));
    }

    @Test
    void what_is_mapped_is_replaced_only_when_that_is_said() {
        ready();
        commands.succeed("map", "0", "0", "8M", "/dev/sda");
        assertEquals("/dev/abctl0: File exists; something is mapped there already, which 'abusectl maps /dev/abctl0' shows;"
                + " add --replace", commands.fail("map", "0", "4M", "8M", "/dev/sdb"));
        commands.succeed("map", "--replace", "0", "4M", "8M", "/dev/sdb");
        assertEquals("/dev/sda\n/dev/sdb\n", commands.succeed("maps", "-n", "-o", "target", "0"));
    }

    @Test
    void who_would_have_too_many_extents_is_told() {
        for (var call : List.of(DeviceException.Call.MAP, DeviceException.Call.UNMAP, DeviceException.Call.LEND)) {
            assertEquals("/dev/abctl0: Operation not permitted; only root may have more than 65536 extents, and whoever unmaps the"
                    + " middle of one makes it two; map, or unmap, larger pieces",
                    Advice.words(new DeviceException("/dev/abctl0", call, Unix.EPERM), commands.devices));
        }
    }

    @Test
    void a_disk_has_to_be_set_up_for_it() {
        var device = commands.devices.add(0);
        for (String[] words : new String[][] {{"map", "0", "0", "4K", "/dev/sda"}, {"unmap", "0"}}) {
            assertEquals("/dev/abctl0: not set up; try 'abusectl setup /dev/abctl0 mappable'", commands.fail(words));
        }
        device.setUp(16 << 20);
        for (String[] words : new String[][] {{"map", "0", "0", "4K", "/dev/sda"}, {"unmap", "0"}, {"maps", "0"}}) {
            assertEquals("/dev/abctl0: Operation not supported; the disk was not set up with 'mappable'", commands.fail(words));
        }
    }

    @Test
    void what_was_mapped_is_counted() {
        var disk = commands.devices.add(0).setUp(16 << 20, Flag.MAPPABLE);
        commands.devices.add(1).setUp(16 << 20);
        disk.count(new Mapped(10, 20, 4096, 8192, 90, 1, 2));
        assertTrue(commands.succeed("info", "0").contains("\nmapped_reads = 10\nmapped_writes = 20\nmapped_read_bytes = 4096\n"
                + "mapped_written_bytes = 8192\nmisses = 90\nfaults = 1\nextents = 2\n"));
        assertFalse(commands.succeed("info", "1").contains("mapped"));
        assertEquals("MREADS MWRITES MRBYTES MWBYTES MISSES FAULTS EXTENTS\n"
                + "    10      20      4K      8K     90      1       2\n"
                + "     -       -       -       -      -      -       -\n",
                commands.succeed("list", "-o", "mreads,mwrites,mrbytes,mwbytes,misses,faults,extents"));
        String json = commands.succeed("info", "-J").replaceAll("\\s", "");
        assertTrue(json.contains("\"mreads\":10,\"mwrites\":20,\"mrbytes\":4096,\"mwbytes\":8192,\"misses\":90,\"faults\":1,\"extents\":2"));
        assertTrue(json.contains("\"mreads\":null"));
    }

    @Test
    void how_much_needed_no_server_is_shown_live() throws Exception {
        var disk = commands.devices.add(0).setUp(16 << 20, Flag.MAPPABLE);
        commands.devices.add(1).setUp(16 << 20);
        disk.count(new Mapped(100, 0, 0, 0, 900, 0, 1));
        var top = commands.start("top", "-d", "0.2");
        top.await(() -> top.out().lines().count() >= 3);
        disk.count(new Mapped(150, 40, 0, 0, 910, 0, 1));
        top.await(() -> top.out().contains(" 0   90\n"));
        top.signal();
        top.end();
        List<String> lines = top.out().lines().toList();
        assertTrue(lines.get(0).endsWith(" ERR MAP%"), top.out());
        assertTrue(lines.get(1).endsWith(" 0    -") && lines.get(2).endsWith(" 0    -"), top.out());
    }

    /** The module is of no use for words that are wrong with any. */
    @Test
    void words_are_read_before_the_device_is_opened() {
        String size = " is not a size: bytes, or a number with K, M, G, T, P or E, or with KB, MB and so on for powers of 1000";
        for (String[] wrong : new String[][] {{"OFFSET x" + size, "x", "4K", "/dev/sda"},
            {"OFFSET ' '" + size, " ", "4K", "/dev/sda"},
            {"LENGTH 8Q" + size, "0", "8Q", "/dev/sda"}, {"OFFSET -1 must not be negative", "-1", "8M", "/dev/sda"},
            {"LENGTH 0 must be more than 0", "0", "0", "/dev/sda"}, {"AT ''" + size, "0", "4K", "/dev/sda:"},
            {"AT xx" + size, "0", "4K", "/dev/sda:xx"}}) {
            assertEquals("map: " + wrong[0], commands.misuse("map", "0", wrong[1], wrong[2], wrong[3]));
            if (!wrong[0].startsWith("AT")) {
                assertEquals("unmap: " + wrong[0], commands.misuse("unmap", "0", wrong[1], wrong[2]));
            }
        }
    }

    @Test
    void what_makes_no_sense_is_refused() {
        ready();
        assertEquals("map: OFFSET 100 is not a multiple of the block size, 4096", commands.misuse("map", "0", "100", "4K", "/dev/sda"));
        assertEquals("map: LENGTH 1 is not a multiple of the block size, 4096", commands.misuse("map", "0", "0", "1", "/dev/sda"));
        assertEquals("map: /dev/sda:512: 512 is not a multiple of the block size, 4096",
                commands.misuse("map", "0", "0", "4K", "/dev/sda:512"));
        for (String[] range : new String[][] {{"16M", "4K"}, {"16M", "-"}, {"32M", "-"}, {"4K", "16M"}}) {
            assertEquals("map: " + range[0] + " " + range[1] + " is no part of the disk, which has 16 MiB",
                    commands.misuse("map", "0", range[0], range[1], "/dev/sda"));
        }
        assertEquals("map: ':0' names no block device", commands.misuse("map", "0", "0", "4K", ":0"));
        assertTrue(commands.misuse("map", "0", "0").startsWith("map: "));
        assertTrue(commands.misuse("map").startsWith("map: "));
        assertEquals("", commands.succeed("maps", "0"));
    }
}
