// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.SimulatedDisk;
import java.util.List;
import org.junit.jupiter.api.Test;

/** top and trace. */
class TopTraceTest extends CommandTestBase {
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
    void trace_tells_requests_when_they_are_answered() {
        devices.add(0).setUp(1 << 20);
        assertEquals("/dev/abctl0: not set up; try 'abusectl setup /dev/abctl0'", failAfterReset());
        devices.add(0).setUp(1 << 20);
        devices.trace(List.of(
                " server-9 [000] ..... 10.000000: block_rq_complete: 60,0 R () 800 + 8 [0]",
                " dd-1 [000] ..... 10.100000: block_rq_issue: 60,0 WFS 4096 () 8 + 8 [my dd]",
                " kw-2 [000] ..... 10.100100: block_rq_issue: 60,0 FF 0 () 0 + 0 [kworker/1:1H]",
                " server-9 [000] ..... 10.100500: block_rq_complete: 60,0 FF () 18446744073709551615 + 0 [0]",
                " server-9 [000] ..... 10.100600: block_rq_complete: 60,0 WS () 0 + 0 [0]",
                " server-9 [000] ..... 10.102500: block_rq_complete: 60,0 WFS () 8 + 8 [-5]",
                " dd-1 [000] ..... 11.500000: block_rq_issue: 60,0 R 8192 () 16 + 16 none,0,0 [dd]"),
                List.of(" dd-1 [000] ..... 12.000000: block_rq_issue: 60,0 DS 8192 () 32 + 16 [dd]",
                " server-9 [000] ..... 14.500000: block_rq_complete: 60,0 DS () 32 + 16 [0]"), this::stop);
        String heading = "        TIME  OPERATION          SECTOR    BYTES  LATENCY  PROCESS          RESULT\n";
        String read = "    0.000000  read                  800     4096        -  -                ok\n";
        assertEquals(heading + read
                + "    0.100100  flush                   -        -    400us  kworker/1:1H     ok\n"
                + "    0.100000  write fua               8     4096    2.5ms  my dd            Input/output error\n"
                + "    2.000000  discard                32     8192     2.5s  dd               ok\n"
                + "    1.500000  read                   16     8192        -  dd               waiting\n", succeed("trace"));
        assertEquals(heading + read, succeed("trace", "-n", "1", "0"));
        assertEquals(0, devices.tracers());
        assertEquals("trace: --count=x is not a number", misuse("trace", "--count=x"));
    }

    private String failAfterReset() {
        succeed("reset");
        return fail("trace");
    }
}
