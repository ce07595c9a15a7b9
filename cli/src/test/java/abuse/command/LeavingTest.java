// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Disks that go when their last user has closed them. */
@Timeout(600)
class LeavingTest {
    private final Commands commands = new Commands();

    private String problem() {
        return commands.succeed("list", "--noheadings", "-o", "PROBLEM");
    }

    @Test
    void a_disk_in_use_goes_when_nobody_uses_it_any_more() {
        var disk = commands.devices.add(0).setUp(1 << 20);
        disk.use("mounted on /mnt");
        assertEquals("", commands.succeed("reset", "--lazy", "0"));
        assertEquals("leaving\n", problem());
        assertEquals("leaving", line(commands.succeed("info", "0"), "problem"));
        assertEquals("", commands.succeed("reset", "-l", "0"));
        assertEquals("/dev/abctl0: Device or resource busy; it is leaving: its disk goes when nobody uses it any more, and can"
                + " then be set up anew", commands.fail("setup", "0", "reconnect,ro"));
        disk.release();
        assertEquals("", problem());
        commands.succeed("setup", "0", "sz=1M");
        assertEquals("-\n", problem());
    }

    @Test
    void a_disk_that_nobody_uses_goes_at_once() {
        commands.devices.add(0).setUp(1 << 20);
        commands.succeed("reset", "--lazy", "0");
        assertEquals("", problem());
        commands.succeed("reset", "--lazy", "0");
    }

    @Test
    void a_disk_cannot_go_later_and_at_once() {
        commands.devices.add(0).setUp(1 << 20);
        assertEquals("reset: '--lazy' and '--force' exclude each other: a disk goes later, or at once",
                commands.misuse("reset", "--lazy", "--force", "0"));
        assertEquals("-\n", problem());
    }

    @Test
    void a_refusal_tells_of_it() {
        var disk = commands.devices.add(0).setUp(1 << 20);
        disk.use("used as swap");
        assertTrue(commands.fail("reset", "0").endsWith("; end that first, or add --lazy, which waits for that, or --force,"
                + " which loses unwritten data"));
    }

    private static String line(String text, String key) {
        return text.lines().filter(line -> line.startsWith(key + " = ")).findFirst().orElseThrow().substring(key.length() + 3);
    }
}
