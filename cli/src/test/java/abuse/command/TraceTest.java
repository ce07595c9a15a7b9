// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.TraceEvent.Kind;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TraceTest extends CommandTestBase {
    private static final String HEADING =
            "       TIME EVENT   OPERATION        SECTOR   BYTES    REQ LATENCY     PID COMMAND         DETAILS\n";
    private static final String SUBMIT =
            "   0.000000 submit  write                 8    4096   0.17       -       1 my dd           fua meta\n";

    private void simulate() {
        devices.add(0).setUp(1 << 20);
        devices.trace(List.of(
                " my dd-1 [000] ..... 10.100000: abuse_submit: abuse0 queue=0 tag=17 write flags=0x9 sector=8 bytes=4096",
                " java-2 [000] ..... 10.100012: abuse_get: abuse0 queue=0 tag=17 write flags=0x9 sector=8 bytes=4096",
                " java-2 [000] ..... 10.200000: abuse_requeue: abuse0 queue=0 tag=17 write flags=0xb sector=8 bytes=4096",
                " python3-5 [000] ..... 10.300000: abuse_get: abuse0 queue=0 tag=17 write flags=0xb sector=8 bytes=4096",
                " java-2 [000] ..... 10.400000: abuse_stale: abuse0 queue=0 id=0x10000011",
                " python3-5 [000] ..... 11.100000: abuse_put: abuse0 queue=0 tag=17 write sector=8 bytes=4096 okay nsecs=1000000000"),
                List.of(" kworker/0:1H-7 [000] ..... 12.100000: abuse_reset: abuse0"), this::stop);
    }

    @Test
    void events_are_told_in_columns_until_stopped() {
        simulate();
        assertEquals(HEADING + SUBMIT
                + "   0.000012 get     write                 8    4096   0.17       -       2 java            fua meta\n"
                + "   0.100000 requeue write                 8    4096   0.17       -       2 java            fua redelivered meta\n"
                + "   0.200000 get     write                 8    4096   0.17       -       5 python3         fua redelivered meta\n"
                + "   0.300000 stale   -                     -       -    0.-       -       2 java            id=0x10000011\n"
                + "   1.000000 put     write                 8    4096   0.17    1.0s       5 python3         okay\n"
                + "   2.000000 reset   -                     -       -      -       -       7 kworker/0:1H\n", succeed("trace"));
        assertEquals(EnumSet.allOf(Kind.class), devices.traced());
        assertEquals(HEADING + SUBMIT, succeed("trace", "-n", "1", "0"));
        assertEquals(0, devices.tracers());
    }

    @Test
    void only_some_events_are_traced_if_it_is_so_wished() {
        simulate();
        succeed("trace", "-n1", "-e", "put, Expire");
        assertEquals(Set.of(Kind.PUT, Kind.EXPIRE), devices.traced());
        assertEquals("trace: unknown event 'putt'; did you mean 'put'?", misuse("trace", "-e", "putt"));
        assertEquals("trace: unknown event ''; there are submit, get, put, requeue, stale, expire, cancel, mapped, map, unmap, setup, reset",
                misuse("trace", "-e", ","));
        assertEquals("trace: --count=x is not a number", misuse("trace", "--count=x"));
        assertTrue(succeed("trace", "--help").contains("  requeue   its server lost it"), succeed("trace", "--help"));
    }

    @Test
    void lost_events_are_told_of_once() {
        simulate();
        devices.lose(12);
        Outcome outcome = run("trace", "0");
        assertEquals(0, outcome.exitCode());
        assertEquals("abusectl: /dev/abctl0: 12 events are missing here, as they came too fast; with --events fewer come\n",
                outcome.err());
    }

    @Test
    void a_trace_may_begin_before_the_device_is_set_up() {
        devices.add(0);
        devices.trace(List.of(" abusectl-3 [000] ..... 1.000000: abuse_setup: abuse0 capacity=16777216 block_size=4096"),
                List.of(), this::stop);
        assertTrue(succeed("trace", "0").endsWith(" 3 abusectl        capacity=16777216 block_size=4096\n"));
    }
}
