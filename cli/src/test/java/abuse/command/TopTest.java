// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Device;
import abuse.device.Serving;
import abuse.device.SimulatedDisk;
import abuse.device.TakenRequest;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** top. */
class TopTest extends CommandTestBase {
    @Test
    void top_prints_a_line_for_each_disk_and_look() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        devices.add(1);
        devices.add(2).setUp(1 << 20);
        disk.read(0, 4096);
        String out = succeed("top", "--interval=0.05", "-n", "2");
        List<String> lines = out.lines().toList();
        assertEquals(5, lines.size(), out);
        assertTrue(lines.get(0).matches("DISK +R/s +W/s +RB/s +WB/s .*"), out);
        assertTrue(lines.stream().allMatch(line -> line.length() <= 80), out);
        String idle = " +0 +0 +0B +0B +0 +- +- +- +";
        assertTrue(lines.get(1).matches("abuse0" + idle + "1 +0 +0 +0"), out);
        assertTrue(lines.get(4).matches("abuse2" + idle + "0 +0 +0 +0"), out);
        assertEquals(2, succeed("top", "0", "-n1", "-d0.01").lines().count());
        assertEquals("/dev/abctl1: not set up; try 'abusectl setup /dev/abctl1'", fail("top", "1"));
        for (String wrong : new String[] {"--interval=0", "--interval=x", "--count=x"}) {
            assertTrue(misuse("top", wrong).startsWith("top: " + wrong), wrong);
        }
    }

    @Test
    void top_draws_over_itself_on_a_terminal_until_stopped() throws Exception {
        devices.add(0).setUp(1 << 20).read(0, 4096);
        terminal = true;
        var top = start("top", "-d", "0.2");
        top.await(() -> top.out().contains("\u001b[0J")).signal();
        Outcome outcome = top.end();
        assertEquals(0, outcome.exitCode(), outcome.err());
        assertTrue(outcome.out().startsWith("\u001b[?7l\u001b[2J\u001b[1;1H\u001b[1mDISK "), outcome.out());
        assertTrue(outcome.out().contains("[\u001b[32m\u001b[33m+\u001b[m         ]"), outcome.out());
    }

    @Test
    void top_shows_the_servers_of_each_disk_if_asked() throws Exception {
        SimulatedDisk disk = devices.add(0).servedBy(4711).setUp(1 << 20);
        devices.add(1).setUp(1 << 20);
        try (Device server = devices.open("/dev/abctl0"); Device second = devices.open("/dev/abctl0")) {
            server.serve(new Serving(Device.ANY_QUEUE, "one", "file:disk.img"));
            second.serve(new Serving(Device.ANY_QUEUE, "one", "file:/srv/disks/a/path/that/is/long/disk.img"));
            disk.read(0, 4096);
            TakenRequest.from(server, 0).orElseThrow();
            assertEquals(Optional.empty(), TakenRequest.from(second, 0));
            String out = succeed("top", "-s", "--interval=0.05", "-n", "2");
            List<String> lines = out.lines().toList();
            assertEquals(10, lines.size(), out);
            assertTrue(lines.stream().allMatch(line -> line.length() <= 80), out);
            assertEquals("      PID COMMAND         OWNED GETS/s PUTS/s STALE SERVES", lines.get(1));
            assertTrue(lines.get(2).startsWith("abuse0 "), out);
            assertEquals("     4711 java                1      0      0     0 file:disk.img", lines.get(3));
            assertEquals("     4711 java                0      0      0     0 ...ath/that/is/long/disk.img", lines.get(4));
            assertTrue(lines.get(5).startsWith("abuse1 "), out);
            assertTrue(lines.get(6).startsWith("abuse0 "), out);
            assertEquals(3, succeed("top", "-n1", "-d0.01").lines().count());
        }
    }

    @Test
    void top_counts_what_a_server_does_in_a_second() throws Exception {
        SimulatedDisk disk = devices.add(0).servedBy(4711).setUp(1 << 20);
        try (Device server = devices.open("/dev/abctl0")) {
            assertEquals(Optional.empty(), TakenRequest.from(server, 0));
            terminal = true;
            var top = start("top", "-s", "-d", "0.2");
            top.await(() -> top.out().contains("     4711 java                0      0      0     0 -"));
            // One would be none a second if that lasts longer
            for (int i = 0; i < 100; i++) {
                disk.read(0, 4096);
                TakenRequest.from(server, 0).orElseThrow();
            }
            top.await(() -> Pattern.compile("     4711 java +100 +[1-9][0-9]* +0     0 -").matcher(top.out()).find());
            top.signal();
            Outcome outcome = top.end();
            assertEquals(0, outcome.exitCode(), outcome.err());
            assertTrue(outcome.out().contains("\u001b[1m      PID COMMAND "), outcome.out());
        }
    }
}
