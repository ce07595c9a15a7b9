// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.RequestFlag;
import abuse.device.SimulatedDisk;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What commands tell of a device and of its requests. */
@Timeout(600)
class InfoTest {
    private final Commands commands = new Commands();
    private final SimulatedDisk disk = commands.devices.add(0);

    @Test
    void a_device_that_failed_is_seen_until_it_is_reconnected() {
        disk.setUp(1 << 20);
        disk.read(0, 4096);
        commands.succeed("put", "--fail", "device");
        assertTrue(commands.succeed("info", "0").contains("\nstate = failed\n"));
        assertEquals("DISK        STATE\n/dev/abuse0 failed\n", commands.succeed("list", "-o", "DISK,STATE"));
        commands.succeed("setup", "reconnect");
        assertTrue(commands.succeed("info", "0").contains("\nstate = live\n"));
        commands.succeed("reset");
        assertTrue(commands.succeed("info", "0").contains("\nstate = none\n"));
    }

    @Test
    void a_device_that_nobody_has_served_for_too_long_is_seen() throws Exception {
        commands.succeed("setup", "orphan=1.5");
        assertTrue(commands.succeed("info", "0").contains("\ntimeout = 0\nunserved = 60\norphan = 1.5\n"));
        var read = disk.read(0, 4096);
        disk.orphan();
        assertTrue(read.await().failed());
        assertTrue(disk.read(0, 4096).await().failed());
        assertTrue(commands.succeed("info", "0").contains("\nstate = orphaned\n"));
        assertEquals("DISK        STATE    UNSERVED ORPHAN\n/dev/abuse0 orphaned       60    1.5\n",
                commands.succeed("list", "-o", "DISK,STATE,UNSERVED,ORPHAN"));
        commands.succeed("setup", "reconnect,unserved=0");
        assertTrue(commands.succeed("info", "0").contains("\nstate = live\n"));
        assertEquals("UNSERVED ORPHAN\n       0    1.5\n", commands.succeed("list", "-o", "UNSERVED,ORPHAN"));
    }

    @Test
    void physical_blocks_and_parts_of_seconds_are_shown_and_kept() {
        commands.succeed("setup", "bs=512,pbs=4K,timeout=3");
        assertTrue(commands.succeed("info", "0").contains("\nphysical_block_size = 4096\n"));
        assertTrue(commands.succeed("info", "0").contains("\ntimeout = 3\n"));
        disk.setTimeout(1500);
        commands.succeed("resize", "32M");
        assertTrue(commands.succeed("info", "0").contains("\ntimeout = 1.5\n"));
        assertEquals("PBS\n 4K\n", commands.succeed("list", "-o", "PBS"));
        assertTrue(commands.succeed("list", "-Jo", "timeout").contains("\"timeout\": 1.5\n"));
        disk.setTimeout(20_000);
        assertTrue(commands.succeed("list", "-Jo", "timeout").contains("\"timeout\": 20\n"));
    }

    @Test
    void each_option_for_columns_asks_for_a_table() {
        disk.setUp(1 << 20);
        assertEquals(1, commands.succeed("info", "0", "-n").lines().count());
        assertTrue(commands.succeed("info", "0", "-b").contains(" 1048576 "));
        assertEquals("info: --output and --output-all exclude each other", commands.misuse("info", "0", "-O", "-o", "SIZE"));
    }

    @Test
    void limits_are_known_before_a_setup() {
        assertTrue(commands.succeed("info", "--json", "0").contains("\"limits\": {\n        \"size\":"
                + " 9223372036854775807,\n"));
        assertFalse(commands.succeed("info", "-Jo", "SIZE").contains("limits"));
        assertEquals("/dev/abctl0: Operation not permitted; only root may have so many requests, nq times qs"
                + " ('abusectl info --json' shows the limit), or partscan", commands.fail("setup", "nq=2,qs=4096"));
    }

    @Test
    void what_else_a_request_asks_is_shown() {
        disk.setUp(1 << 20, Flag.WRITE_ZEROES);
        disk.submit(Operation.WRITE_ZEROES, 0, 4096, null, Set.of(RequestFlag.NOUNMAP), 0);
        commands.succeed("get");
        assertEquals("WRITE_ZEROES\nsector = 0\nvcnt = 1\nlen0 = 4096, offset = 0\nflags ="
                + " nounmap\n", commands.succeed("put"));
        disk.submit(Operation.READ, 0, 4096, new byte[4096], Set.of(RequestFlag.META, RequestFlag.READAHEAD), 0);
        assertTrue(commands.succeed("get").endsWith("\nflags = meta readahead\n"));
        assertTrue(commands.succeed("put", "-J").endsWith("  \"redelivered\": true,\n  \"nounmap\": false,\n "
                + " \"meta\": true,\n"
                + "  \"readahead\": true,\n  \"swap\": false,\n  \"fault\": false\n}\n"));
    }
}
