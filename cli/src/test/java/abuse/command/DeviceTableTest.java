// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.SimulatedDisk;
import abuse.device.TakenRequest;
import abuse.libc.Unix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** info and list: what is shown of devices. */
class DeviceTableTest extends CommandTestBase {
    @Test
    void info_prints_what_it_printed_in_2009_and_then_the_rest() {
        SimulatedDisk disk = devices.add(0).setUp(1 << 24, Flag.READ_ONLY, Flag.WRITE_CACHE, Flag.DISCARD);
        disk.read(0, 4096).age(3500);
        assertEquals("""
                ab_size = 16777216
                ab_number = 0
                ab_flags = 1
                ab_blocksize = 4096
                ab_max_queue = 128
                ab_queue_size = 1
                ab_errors = 0
                state = live
                flags = read-only write-cache discard
                physical_block_size = 4096
                queues = 1
                max_request = 1048576
                timeout = 0
                unserved = 0
                orphan = 0
                servers = 0
                openers = 0
                pending = 1
                owned = 0
                oldest = 3.5
                gets = 0
                puts = 0
                redelivered = 0
                stale = 0
                timeouts = 0
                problem = nobody serves
                """, succeed("info", "0"));
        disk.setUp(1 << 24);
        assertTrue(succeed("info", "0").contains("ab_flags = 0\n"));
        assertTrue(succeed("info", "0").contains("\nflags = none\n"));
        disk.reset();
        assertTrue(succeed("info", "0").contains("\nflags = not-set-up\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"info --json 0", "info -J", "list --json"})
    void devices_are_json_on_request(String command) {
        devices.add(0).setUp(1 << 24, Flag.WRITE_CACHE, Flag.DISCARD);
        assertEquals("""
                {
                  "devices": [
                    {
                      "disk": "/dev/abuse0",
                      "node": "/dev/abctl0",
                      "size": 16777216,
                      "bs": 4096,
                      "pbs": 4096,
                      "qd": 128,
                      "nq": 1,
                      "mr": 1048576,
                      "iomin": 0,
                      "ioopt": 0,
                      "discgran": 0,
                      "discmax": 0,
                      "zeromax": 0,
                      "timeout": 0,
                      "unserved": 0,
                      "orphan": 0,
                      "servers": 0,
                      "pid": [],
                      "serves": [],
                      "openers": 0,
                      "pending": 0,
                      "owned": 0,
                      "oldest": null,
                      "gets": 0,
                      "puts": 0,
                      "redelivered": 0,
                      "stale": 0,
                      "timeouts": 0,
                      "errors": 0,
                      "mreads": null,
                      "mwrites": null,
                      "mrbytes": null,
                      "mwbytes": null,
                      "misses": null,
                      "faults": null,
                      "extents": null,
                      "p50": null,
                      "p99": null,
                      "state": "live",
                      "flags": [
                        "write-cache",
                        "discard"
                      ],
                      "problem": null%s
                    }
                  ]
                }
                """.formatted(command.startsWith("list") ? "" : """
                ,
                      "limits": {
                        "size": 9223372036854775807,
                        "bs": 4096,
                        "qd": 4096,
                        "nq": 1,
                        "requests": 4096,
                        "mr_least": 4096,
                        "mr": 1048576,
                        "timeout": 86400,
                        "batch": 4096,
                        "pieces": 1024
                      }"""), succeed(command.split(" ")));
    }

    @Test
    void json_of_what_is_not_set_up_has_nulls() {
        devices.add(0);
        assertEquals("{\n  \"devices\": []\n}\n", succeed("list", "--json"));
        String expected = "{\n  \"devices\": [\n    {\n      \"node\": \"/dev/abctl0\",\n      \"size\": null\n    }\n  ]\n}\n";
        assertEquals(expected, succeed("list", "--all", "--json", "-o", "node,size"));
        assertEquals(expected, succeed("info", "0", "-Jo", "node,size"));
    }

    @Test
    void info_and_list_show_all_devices_in_a_table() throws Exception {
        devices.add(0).setUp(1L << 40, 2, Flag.READ_ONLY, Flag.DISCARD);
        devices.add(1);
        devices.add(10).servedBy(4711).setUp(3 << 19).read(0, 4096);
        assertEquals("""
                NODE         SIZE BS  QD NQ PENDING OWNED ERRORS STATE PID SERVES PROBLEM
                /dev/abctl0    1T 4K 128  2       0     0      0 live    - -      -
                /dev/abctl1     -  -   -  -       -     -      - none    - -      -
                /dev/abctl10 1.5M 4K 128  1       1     0      0 live    - -      nobody serves
                """, succeed("info"));
        try (var server = devices.open("/dev/abctl10")) {
            TakenRequest.from(server, 0).orElseThrow().request();
            assertEquals("""
                    DISK         SIZE BS  QD NQ PENDING OWNED ERRORS STATE  PID SERVES PROBLEM
                    /dev/abuse0    1T 4K 128  2       0     0      0 live     - -      -
                    /dev/abuse10 1.5M 4K 128  1       0     1      0 live  4711 -      -
                    """, succeed("list"));
        }
    }

    @Test
    void columns_are_those_asked_for() {
        devices.add(0).setUp(3 << 19);
        assertEquals("SIZE NODE\n1.5M /dev/abctl0\n", succeed("list", "-o", "SIZE,node"));
        assertEquals("/dev/abuse0 1572864 1048576\n", succeed("list", "--noheadings", "--bytes", "--output=DISK,SIZE,MR"));
        assertTrue(succeed("list", "-o", "+MR,TIMEOUT").startsWith(
                "DISK        SIZE BS  QD NQ PENDING OWNED ERRORS STATE PID SERVES PROBLEM MR TIMEOUT\n"), succeed("list", "-o", "+MR"));
        assertEquals("NODE        STALE\n/dev/abctl0     0\n", succeed("info", "abuse0", "-o", "NODE,STALE"));
        assertEquals(Column.values().length, succeed("list", "--output-all").lines().findFirst().orElseThrow()
                .split(" +").length);
        for (String command : new String[] {"list", "info"}) {
            for (String wrong : new String[] {"FROB", ""}) {
                String refusal = misuse(command, "-o", "SIZE," + wrong);
                assertTrue(refusal.startsWith(command + ": unknown column '" + wrong + "'; there are DISK, NODE, SIZE, "), refusal);
            }
        }
    }

    @Test
    void a_list_without_disks_is_empty() {
        devices.add(0);
        assertEquals("", succeed("list"));
        assertEquals("NODE        SIZE\n/dev/abctl0    -\n", succeed("list", "--all", "-o", "NODE,SIZE"));
    }

    @Test
    void info_tells_why_the_list_is_short() {
        assertEquals("there are no devices in /dev; is the module loaded? try 'modprobe abuse'", fail("info"));
        devices.load();
        assertEquals("the module is loaded, but there is no /dev/abctlN; a container has to be given these nodes", fail("info"));
        devices.add(0);
        devices.refuse("/dev/abctl1", Unix.EACCES);
        Outcome outcome = run("info");
        assertEquals(1, outcome.exitCode());
        assertTrue(outcome.out().contains("/dev/abctl0"));
        assertTrue(outcome.err().startsWith("abusectl: /dev/abctl1: Permission denied; "), outcome.err());
        assertEquals(1, outcome.err().lines().count());
    }
}
