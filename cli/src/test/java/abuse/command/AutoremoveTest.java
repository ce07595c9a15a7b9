// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Disks that go with whoever made them, as those of run do. */
@Timeout(600)
class AutoremoveTest {
    private final Commands commands = new Commands();

    private String flags() {
        return commands.succeed("list", "--noheadings", "-o", "FLAGS");
    }

    @Test
    void the_disk_of_run_is_one_unless_it_is_not_to_be() throws Exception {
        commands.devices.add(0);
        var run = commands.start("run", "sz=1M").awaitReady();
        assertEquals("write-cache,autoremove\n", flags());
        commands.succeed("resize", "2M");
        assertEquals("write-cache,autoremove\n", flags());
        commands.succeed("setup", "reconnect,autoremove=off");
        assertEquals("write-cache\n", flags());
        run.signal();
        assertEquals(0, run.end().exitCode());
        run = commands.start("run", "sz=1M,autoremove=off", "mem").awaitReady();
        assertEquals("write-cache\n", flags());
        run.signal();
        assertEquals(0, run.end().exitCode());
        assertEquals("", flags());
    }

    @Test
    void setup_makes_none_as_it_ends_at_once() {
        commands.devices.add(0);
        for (String words : new String[] {"autoremove", "autoremove=on", "sz=1M,autoremove", "reconnect,autoremove"}) {
            var outcome = commands.run("setup", words);
            assertEquals(2, outcome.exitCode(), words);
            assertTrue(outcome.err().startsWith("abusectl: setup: 'autoremove' would take the disk away when this command ends;"
                    + " 'abusectl run' makes such a disk\n"), outcome.err());
        }
        assertEquals("", flags());
        commands.succeed("setup", "autoremove=off");
        assertEquals("write-cache\n", flags());
    }
}
