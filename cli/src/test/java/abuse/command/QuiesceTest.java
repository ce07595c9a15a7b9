// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Batch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Disks whose servers are handed nothing for a while. */
@Timeout(600)
class QuiesceTest {
    private final Commands commands = new Commands();

    private String problem() {
        return commands.succeed("list", "--noheadings", "-o", "PROBLEM");
    }

    @Test
    void no_request_is_handed_out_until_the_resume() throws Exception {
        var disk = commands.devices.add(0).setUp(1 << 20);
        var server = commands.start("server", "0", "mem").await(() -> !commands.succeed("servers", "-n", "0").isEmpty());
        assertEquals("", commands.succeed("quiesce", "0"));
        assertEquals("", commands.succeed("quiesce", "--timeout=5", "0"));
        var read = disk.read(0, 4096);
        assertEquals("quiesced\n", problem());
        assertEquals("pending\n", commands.succeed("requests", "-n", "-o", "STATE", "0"));
        assertFalse(read.isAnswered());
        assertEquals("", commands.succeed("resume", "0"));
        assertFalse(read.await().failed());
        assertEquals("-\n", problem());
        commands.succeed("resume", "0");
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void it_waits_for_what_somebody_has() throws Exception {
        var disk = commands.devices.add(0).setUp(1 << 20);
        try (var holder = commands.devices.open("/dev/abctl0"); var batch = new Batch(1)) {
            var read = disk.read(0, 4096);
            holder.transfer(batch);
            assertEquals("/dev/abctl0: 1 request is not answered after 10ms, and no more are handed out; 'abusectl requests'"
                    + " shows who has them, 'abusectl resume' undoes this", commands.fail("quiesce", "--timeout=10ms", "0"));
            assertEquals("quiesced\n", problem());
            commands.succeed("quiesce", "--timeout=0", "0");
            var quiesce = commands.start("quiesce", "0");
            disk.reset();
            var outcome = quiesce.end();
            assertEquals(1, outcome.exitCode());
            assertTrue(outcome.err().startsWith("abusectl: /dev/abctl0: "), outcome.err());
            assertTrue(read.await().failed());
        }
    }

    @Test
    void a_limit_that_the_kernel_refuses_is_refused_before() {
        commands.devices.add(0).setUp(1 << 20);
        assertTrue(commands.misuse("quiesce", "--timeout=9999999", "0").startsWith("quiesce: --timeout=9999999 is longer than "));
        assertEquals("quiesce: --timeout=soon is not a time: seconds, or a number with s or ms",
                commands.misuse("quiesce", "--timeout=soon", "0"));
        assertEquals("-\n", problem());
    }

    @Test
    void a_device_that_is_not_set_up_has_nothing_to_hand_out() {
        commands.devices.add(0);
        for (String command : new String[] {"quiesce", "resume"}) {
            assertTrue(commands.fail(command, "0").startsWith("/dev/abctl0: No such device; it is not set up; try "), command);
        }
    }
}
