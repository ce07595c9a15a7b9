// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Device;
import abuse.device.Operation;
import abuse.device.RequestFlag;
import abuse.device.Serving;
import abuse.device.SimulatedDisk;
import abuse.device.TakenRequest;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** servers and requests: who serves a device, and who has which request. */
class WhoHasWhatTest extends CommandTestBase {
    private final SimulatedDisk disk = devices.add(0).servedBy(4711);

    @Test
    void requests_are_shown_the_oldest_first_and_with_their_owner() throws Exception {
        disk.setUp(1 << 24);
        disk.submit(Operation.WRITE, 1 << 20, 4096, new byte[4096], Set.of(RequestFlag.FUA), 0).age(40_104);
        try (Device server = devices.open("/dev/abctl0")) {
            server.serve(new Serving(Device.ANY_QUEUE, "one", "file:disk.img"));
            TakenRequest.from(server, 0).orElseThrow();
            disk.read(1 << 16, 8192).age(850);
            disk.flush().age(3_210);
            assertEquals("""
                    OPERATION SECTOR LENGTH STATE     AGE GETS  PID COMMAND SERVES
                    write       2048     4K owned     40s    1 4711 java    file:disk.img
                    flush          0     0B pending  3.2s    0    - -       -
                    read         128     8K pending 850ms    0    - -       -
                    """, succeed("requests", "0"));
        }
        assertEquals("""
                write 4096 fua,redelivered pending - -
                flush    0 -               pending - -
                read  8192 -               pending - -
                """, succeed("requests", "-bno", "operation,length,flags,state,pid,serves"));
    }

    @Test
    void requests_are_json_with_times_in_seconds() throws Exception {
        disk.setUp(1 << 24);
        disk.submit(Operation.WRITE, 4096, 512, new byte[512], Set.of(RequestFlag.FUA), 0).age(40_104);
        disk.submit(Operation.DISCARD, 0, 1 << 20, null, Set.of(), 0).age(2000);
        try (Device server = devices.open("/dev/abctl0")) {
            TakenRequest.from(server, 0).orElseThrow();
            assertEquals("""
                    {
                      "requests": [
                        {
                          "operation": "write",
                          "sector": 8,
                          "length": 512,
                          "flags": [
                            "fua"
                          ],
                          "state": "owned",
                          "age": 40.104,
                          "gets": 1,
                          "queue": 0,
                          "pid": 4711,
                          "command": "java",
                          "serves": null,
                          "server": 1
                        },
                        {
                          "operation": "discard",
                          "sector": 0,
                          "length": 1048576,
                          "flags": [],
                          "state": "pending",
                          "age": 2,
                          "gets": 0,
                          "queue": 0,
                          "pid": null,
                          "command": null,
                          "serves": null,
                          "server": null
                        }
                      ]
                    }
                    """, succeed("requests", "--json"));
        }
    }

    @Test
    void servers_are_shown_with_what_they_have_and_did() throws Exception {
        disk.setUp(1 << 24, 2);
        try (Device first = devices.open("/dev/abctl0"); Device second = devices.open("/dev/abctl0");
                Device looker = devices.open("/dev/abctl0")) {
            second.serve(new Serving(1, null, "mem\u001b[31m"));
            TakenRequest.from(first, 0);
            TakenRequest.from(second, 0);
            disk.read(0, 4096).age(70_000);
            TakenRequest.from(first, 0).orElseThrow();
            disk.read(0, 4096).age(130 * 60_000);
            TakenRequest.from(first, 0).orElseThrow();
            assertEquals(3, disk.openNodes(), looker.path());
            assertEquals("""
                     PID COMMAND UID QUEUE OWNED OLDEST GETS PUTS STALE LAST STATE   SERVES
                    4711 java      0   any     2     2h    2    0     0  0ms working -
                    4711 java      0     1     0      -    0    0     0  0ms idle    mem?[31m
                    """, succeed("servers", "0"));
            assertEquals("""
                    {
                      "servers": [
                        {
                          "pid": 4711,
                          "queue": "any",
                          "oldest": 7800,
                          "server": 1
                        },
                        {
                          "pid": 4711,
                          "queue": 1,
                          "oldest": null,
                          "server": 2
                        }
                      ]
                    }
                    """, succeed("servers", "-Jo", "PID,QUEUE,OLDEST,SERVER"));
            disk.reset();
            assertTrue(succeed("servers", "-no", "STATE,SERVES").endsWith("\nover mem?[31m\n"));
        }
    }

    @Test
    void nothing_is_shown_where_there_is_nobody_and_no_request() {
        disk.setUp(1 << 20);
        assertEquals("", succeed("servers"));
        assertEquals("", succeed("requests"));
        assertEquals("{\n  \"servers\": []\n}\n", succeed("servers", "-J"));
        disk.reset();
        assertEquals("", succeed("servers", "0"));
        assertEquals("/dev/abctl0: No such device; it is not set up; try 'abusectl setup /dev/abctl0'", fail("requests", "0"));
    }

    @Test
    void mistakes_are_told() {
        disk.setUp(1 << 20);
        assertEquals("servers: unknown column 'PIDS'; did you mean 'PID'?", misuse("servers", "-o", "PIDS"));
        assertEquals("requests: unknown column 'SIZE'; there are OPERATION, SECTOR, LENGTH, FLAGS, STATE, AGE, GETS, QUEUE, PID,"
                + " COMMAND, SERVES, SERVER", misuse("requests", "-o", "SIZE"));
        assertEquals("servers: unknown option '-b'; did you mean '-h'?", misuse("servers", "-b"));
        assertEquals("/dev/abctl3: No such file or directory; there is no such device; 'abusectl info' lists those there are",
                fail("servers", "3"));
    }

    @Test
    void list_says_who_serves_and_what_is_wrong() throws Exception {
        disk.setUp(1 << 24);
        devices.add(1).setUp(1 << 24).read(0, 4096).age(9_999);
        devices.add(2).setUp(1 << 24);
        try (Device first = devices.open("/dev/abctl0"); Device second = devices.open("/dev/abctl0")) {
            first.serve(new Serving(0, "one", "file:disk.img"));
            second.serve(new Serving(0, "one", "file:disk.img"));
            disk.read(0, 4096).age(40_000);
            TakenRequest.from(first, 0).orElseThrow();
            TakenRequest.from(second, 0);
            devices.refuse("/dev/abctl3", abuse.libc.Unix.EACCES);
            assertEquals("""
                    PENDING OWNED OLDEST STATE  PID SERVES        PROBLEM
                          0     1    40s live  4711 file:disk.img oldest request 40s
                          1     0   9.9s live     - -             nobody serves
                          0     0      - live     - -             -
                    """, run("list", "-o", "PENDING,OWNED,OLDEST,STATE,PID,SERVES,PROBLEM").out());
            assertEquals("""
                    {
                      "devices": [
                        {
                          "pid": [
                            4711
                          ],
                          "serves": [
                            "file:disk.img"
                          ],
                          "oldest": 40,
                          "problem": "oldest request 40s"
                        }
                      ]
                    }
                    """, succeed("info", "0", "-Jo", "PID,SERVES,OLDEST,PROBLEM"));
            String info = succeed("info", "0");
            assertTrue(info.contains("\nservers = 2\npid = 4711\nserves = file:disk.img\nopeners = 0\n"), info);
            assertTrue(info.endsWith("\nproblem = oldest request 40s\n"), info);
            succeed("requeue", "0");
            assertEquals("oldest request 40s\n", succeed("info", "0", "-no", "PROBLEM"));
        }
        assertEquals("nobody serves, oldest request 40s\n", succeed("info", "0", "-no", "PROBLEM"));
        succeed("put", "0", "--fail", "device");
        assertEquals("failed\n", succeed("info", "0", "-no", "PROBLEM"));
    }

    @Test
    void who_drains_or_served_an_earlier_setup_does_not_serve() throws Exception {
        disk.setUp(1 << 24);
        try (Device earlier = devices.open("/dev/abctl0"); Device now = devices.open("/dev/abctl0")) {
            earlier.serve(new Serving(0, "one", "file:disk.img"));
            TakenRequest.from(earlier, 0);
            disk.reset();
            disk.setUp(1 << 24).read(0, 4096);
            assertEquals("1 - - nobody serves\n", succeed("info", "0", "-no", "SERVERS,PID,SERVES,PROBLEM"));
            TakenRequest.from(now, 0).orElseThrow().close();
            assertEquals("2 4711 - -\n", succeed("info", "0", "-no", "SERVERS,PID,SERVES,PROBLEM"));
        }
    }
}
