// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.SimulatedDisk;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A second server of a disk. */
@Timeout(600)
class SharedTest {
    private final Commands commands = new Commands();
    private final SimulatedDisk disk = commands.devices.add(0).servedBy(4711);

    @Test
    void server_names_the_other_one_and_the_next_step() throws Exception {
        disk.setUp(1 << 20);
        var first = commands.start("server", "mem").awaitReady();
        assertEquals("/dev/abctl0: Device or resource busy; process 4711 serves 'mem' there, which is other content;"
                + " end it first, or add --shared", commands.fail("server", "null"));
        var shared = commands.start("server", "--shared", "null").awaitReady();
        shared.signal();
        assertEquals(0, shared.end().exitCode());
        disk.read(0, 4096);
        assertTrue(first.isRunning());
        first.signal();
        assertEquals(0, first.end().exitCode());
    }

    @Test
    void who_answers_by_hand_is_not_refused() throws Exception {
        disk.setUp(1 << 20);
        var server = commands.start("server", "mem").awaitReady();
        assertEquals("/dev/abctl0: no request is waiting; add --wait to wait for one", commands.fail("get"));
        assertEquals("/dev/abctl0: no request is waiting; add --wait to wait for one", commands.fail("put"));
        server.signal();
        assertEquals(0, server.end().exitCode());
    }
}
