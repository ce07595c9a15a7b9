// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.Result;
import abuse.device.SimulatedDevices;
import abuse.device.SimulatedDisk;
import abuse.device.SimulatedDisk.Submitted;
import abuse.device.Taken;
import abuse.libc.Unix;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole commands, from their words to their output and exit code. */
@Timeout(600)
class CliTest {
    private record Outcome(int exitCode, String out, String err) {}

    @TempDir
    private Path directory;

    private final SimulatedDevices devices = new SimulatedDevices();
    private final Map<String, String> environment = new HashMap<>();
    private final AtomicReference<Runnable> stop = new AtomicReference<>();
    private byte[] input = {};
    private boolean terminal;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private Outcome run(String... args) {
        out.reset();
        err.reset();
        var context = new Context(new ByteArrayInputStream(input), out, err, environment, devices, stages -> stop.set(stages[0]),
                () -> terminal);
        int exitCode = new Cli(context).run(args);
        return new Outcome(exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    private String succeed(String... args) {
        Outcome outcome = run(args);
        assertEquals("", outcome.err);
        assertEquals(0, outcome.exitCode);
        return outcome.out;
    }

    /** The command must fail with one line, and print nothing else. */
    private String fail(String... args) {
        Outcome outcome = run(args);
        assertEquals("", outcome.out);
        assertEquals(1, outcome.err.lines().count(), outcome.err);
        assertEquals(1, outcome.exitCode);
        assertTrue(outcome.err.startsWith("abusectl: "), outcome.err);
        return outcome.err.substring("abusectl: ".length()).strip();
    }

    /** The command must be refused with two lines. */
    private String misuse(String... args) {
        Outcome outcome = run(args);
        assertEquals("", outcome.out);
        assertEquals(2, outcome.exitCode, outcome.err);
        List<String> lines = outcome.err.lines().toList();
        assertEquals(2, lines.size(), outcome.err);
        assertTrue(lines.get(0).startsWith("abusectl: "), outcome.err);
        assertTrue(lines.get(1).matches("Try 'abusectl (\\w+ )?--help' for more information\\."), outcome.err);
        return lines.get(0).substring("abusectl: ".length());
    }

    private static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i % 251 + 1);
        }
        return bytes;
    }

    @Test
    void the_command_is_told_from_its_absence() {
        assertEquals("no command given", misuse());
        assertEquals("unknown command 'frob'", misuse("frob"));
        assertEquals("unknown option '--frob'", misuse("--frob"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"reset", "info", "get", "put", "poll", "server", "setup", "list", "resize", "requeue", "run",
        "top", "trace"})
    void every_command_has_help_and_version_and_refuses_what_it_does_not_know(String command) {
        String help = succeed(command, "--help");
        assertTrue(help.startsWith("Usage: abusectl " + command), help);
        assertTrue(help.lines().allMatch(line -> line.length() <= 80), help);
        assertEquals(succeed("--version"), succeed(command, "--version"));
        assertEquals(command + ": unknown option '--frob'", misuse(command, "--frob"));
        assertTrue(succeed("--help").contains("\n  " + command + " "));
    }

    @Test
    void the_version_is_the_projects() {
        assertTrue(succeed("--version").matches("abusectl [0-9]+(\\.[0-9]+)+\n"), succeed("--version"));
    }

    @Test
    void colour_is_for_terminals_that_want_it() {
        devices.add(0).setUp(1 << 20);
        for (String[] args : new String[][] {{"--help"}, {"info"}}) {
            terminal = false;
            environment.clear();
            assertFalse(succeed(args).contains("\u001b["));
            terminal = true;
            assertTrue(succeed(args).contains("\u001b[1m"));
            environment.put("NO_COLOR", "");
            assertTrue(succeed(args).contains("\u001b[1m"));
            environment.put("NO_COLOR", "1");
            assertFalse(succeed(args).contains("\u001b["));
            environment.clear();
            environment.put("TERM", "dumb");
            assertFalse(succeed(args).contains("\u001b["));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"reset", "info", "get", "put", "poll", "server", "setup", "resize", "requeue",
        "top", "trace"})
    void without_the_module_every_command_tells_to_load_it(String command) {
        assertEquals("/dev/abctl3: No such file or directory; is the module loaded? try 'modprobe abuse'", command.equals("resize") ? fail(command, "3", "1M") : fail(command, "3"));
    }

    @Test
    void other_refusals_name_device_cause_and_next_step() {
        devices.add(0);
        assertEquals("/dev/abctl9: No such file or directory; the module has no such device; 'abusectl info' lists those it"
                + " has", fail("info", "9"));
        devices.refuse("/dev/abctl1", Unix.EACCES);
        assertEquals("/dev/abctl1: Permission denied; only root may, and whoever owns the node: try with sudo, or give the"
                + " node away with chown", fail("info", "1"));
        devices.refuse("/dev/abctl2", Unix.ENOTTY);
        assertEquals("/dev/abctl2: Inappropriate ioctl for device; this is no abuse device, or the module is older than"
                + " abusectl", fail("info", "2"));
        devices.refuse("/dev/abctl3", Unix.EIO);
        assertEquals("/dev/abctl3: Input/output error", fail("info", "3"));
        for (String command : new String[] {"get", "put"}) {
            assertEquals("/dev/abctl0: No such device; it is not set up; try 'abusectl setup /dev/abctl0'", fail(command));
        }
    }

    @Test
    void the_device_may_come_from_the_environment() {
        devices.add(0).setUp(1 << 20);
        devices.add(5).setUp(2 << 20);
        environment.put("ABUSECTL_DEVICE", "abuse5");
        succeed("reset");
        assertTrue(succeed("info", "5").startsWith("ab_size = 0\n"));
        assertTrue(succeed("info", "0").startsWith("ab_size = 1048576\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "abctl0", "abuse0", "/dev/abctl0", "/dev/abuse0"})
    void the_device_has_many_names(String name) {
        devices.add(0).setUp(1 << 20);
        assertTrue(succeed("info", name).startsWith("ab_size = 1048576\n"));
        succeed("reset", name);
        succeed("setup", name, "sz=8K");
        assertTrue(succeed("info", name).startsWith("ab_size = 8192\n"));
        assertEquals("info: unexpected argument 'x'", misuse("info", name, "x"));
    }

    @Test
    void info_prints_what_it_printed_in_2009_and_then_the_rest() {
        SimulatedDisk disk = devices.add(0).setUp(1 << 24, Flag.READ_ONLY, Flag.WRITE_CACHE, Flag.DISCARD);
        disk.read(0, 4096);
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
                servers = 0
                openers = 0
                pending = 1
                owned = 0
                gets = 0
                puts = 0
                redelivered = 0
                stale = 0
                timeouts = 0
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
                      "timeout": 0,
                      "servers": 0,
                      "openers": 0,
                      "pending": 0,
                      "owned": 0,
                      "gets": 0,
                      "puts": 0,
                      "redelivered": 0,
                      "stale": 0,
                      "timeouts": 0,
                      "errors": 0,
                      "p50": null,
                      "p99": null,
                      "state": "live",
                      "flags": [
                        "write-cache",
                        "discard"
                      ]%s
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
        devices.add(10).setUp(3 << 19).read(0, 4096);
        assertEquals("""
                NODE         SIZE BS  QD NQ SERVERS PENDING OWNED ERRORS STATE FLAGS
                /dev/abctl0    1T 4K 128  2       0       0     0      0 live  read-only,discard
                /dev/abctl1     -  -   -  -       0       -     -      - none  -
                /dev/abctl10 1.5M 4K 128  1       0       1     0      0 live  -
                """, succeed("info"));
        try (var server = devices.open("/dev/abctl10")) {
            Taken.from(server, 0).orElseThrow().request();
            assertEquals("""
                    DISK         SIZE BS  QD NQ SERVERS PENDING OWNED ERRORS STATE FLAGS
                    /dev/abuse0    1T 4K 128  2       0       0     0      0 live  read-only,discard
                    /dev/abuse10 1.5M 4K 128  1       1       0     1      0 live  -
                    """, succeed("list"));
        }
    }

    @Test
    void columns_are_those_asked_for() {
        devices.add(0).setUp(3 << 19);
        assertEquals("SIZE NODE\n1.5M /dev/abctl0\n", succeed("list", "-o", "SIZE,node"));
        assertEquals("/dev/abuse0 1572864 1048576\n", succeed("list", "--noheadings", "--bytes", "--output=DISK,SIZE,MR"));
        assertTrue(succeed("list", "-o", "+MR,TIMEOUT").startsWith(
                "DISK        SIZE BS  QD NQ SERVERS PENDING OWNED ERRORS STATE FLAGS MR TIMEOUT\n"), succeed("list", "-o", "+MR"));
        assertEquals("NODE        STALE\n/dev/abctl0     0\n", succeed("info", "abuse0", "-o", "NODE,STALE"));
        assertEquals(Column.values().length, succeed("list", "--output-all").lines().findFirst().orElseThrow()
                .split(" +").length);
        for (String command : new String[] {"list", "info"}) {
            for (String wrong : new String[] {"FROB", ""}) {
                assertEquals(command + ": unknown column: " + wrong, misuse(command, "-o", "SIZE," + wrong));
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
        devices.add(0);
        devices.refuse("/dev/abctl1", Unix.EACCES);
        Outcome outcome = run("info");
        assertEquals(1, outcome.exitCode);
        assertTrue(outcome.out.contains("/dev/abctl0"));
        assertTrue(outcome.err.startsWith("abusectl: /dev/abctl1: Permission denied; "), outcome.err);
        assertEquals(1, outcome.err.lines().count());
    }

    @Test
    void setup_sets_up() {
        devices.add(0);
        assertEquals("", succeed("setup"));
        assertTrue(succeed("info", "0").startsWith("ab_size = 16777216\n"));
        succeed("reset");
        assertEquals("", succeed("setup", "sz=1G,bs=512", "qs=7", "ro"));
        String info = succeed("info", "0");
        assertTrue(info.contains("ab_size = 1073741824\n") && info.contains("ab_blocksize = 512\n")
                && info.contains("ab_max_queue = 7\n") && info.contains("flags = read-only write-cache\n"), info);
    }

    @Test
    void setup_of_a_device_in_use_is_refused_or_changes_it() {
        devices.add(0).setUp(1 << 20, Flag.DISCARD);
        assertEquals("/dev/abctl0: Device or resource busy; it is set up already; add 'reconnect' to change it, or take"
                + " it away first with 'abusectl reset /dev/abctl0'", fail("setup", "sz=2M"));
        succeed("setup", "0", "sz=2M", "reconnect");
        assertTrue(succeed("info", "0").contains("ab_size = 2097152\n"));
        assertTrue(succeed("info", "0").contains("\nflags = discard\n"));
        assertEquals("/dev/abctl0: Invalid argument; of a disk in use the size can grow, qs can be lowered, and timeout, ro and"
                + " rw can change; the rest needs a new setup, after 'abusectl reset /dev/abctl0'",
                fail("setup", "0", "sz=1M", "reconnect"));
    }

    @Test
    void resize_changes_the_size_and_nothing_else() {
        devices.add(0);
        assertEquals("/dev/abctl0: not set up; try 'abusectl setup /dev/abctl0 sz=2M'", fail("resize", "2M"));
        succeed("setup", "sz=1M,bs=512,qs=7,discard,timeout=3");
        String before = succeed("info", "0");
        assertEquals("", succeed("resize", "2M"));
        assertEquals(before.replace("ab_size = 1048576", "ab_size = 2097152"), succeed("info", "0"));
        assertEquals("", succeed("resize", "abuse0", "+1M"));
        assertEquals(before.replace("ab_size = 1048576", "ab_size = 3145728"), succeed("info", "0"));
        assertEquals("/dev/abctl0: has 3 MiB, more than 1M; a disk cannot be made smaller while it is set up",
                fail("resize", "0", "1M"));
        assertEquals("resize: no size given", misuse("resize"));
        assertEquals("resize: 1X is not a size: bytes, or a number with K, M, G, T, P or E", misuse("resize", "1X"));
        assertEquals("resize: +9223372036854775807 is beyond 2^63 - 1", misuse("resize", "+9223372036854775807"));
        assertEquals("resize: 3000000 is not a multiple of the block size, 512", misuse("resize", "3000000"));
        assertEquals("resize: unexpected argument 'x'", misuse("resize", "0", "1M", "x"));
    }

    @Test
    void setup_of_what_the_kernel_cannot_do_is_explained() {
        devices.add(0);
        assertTrue(fail("setup", "bs=64K").startsWith("/dev/abctl0: Invalid argument; this kernel cannot do one of them: "));
        assertTrue(succeed("info", "0").contains("not-set-up"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "setup sz=0|setup: sz=0 must be at least 1",
        "setup 0 frob|setup: unknown key 'frob'",
        "setup frob|setup: unknown key 'frob'",
        "setup 0 1 sz=1M|setup: unknown key '1'",
        "setup sz=1M /dev/abctl0|setup: unknown key '/dev/abctl0'",
        "setup 0 ro rw|setup: 'ro' and 'rw' are mutually exclusive",
        "setup 0 reconnect sz=5000|setup: sz=5000 is not a multiple of the block size, 4096"})
    void a_wrong_setup_changes_nothing(String words, String message) {
        devices.add(0).setUp(1 << 20);
        String before = succeed("info", "0");
        assertEquals(message, misuse(words.split(" ")));
        assertEquals(before, succeed("info", "0"));
    }

    @Test
    void get_shows_a_request_and_leaves_it() {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE, Flag.DISCARD);
        assertEquals("/dev/abctl0: no request is waiting; add --wait to wait for one", fail("get"));
        disk.write(8192, pattern(4096 + 512));
        String expected = "WRITE\nsector = 16\nvcnt = 2\nlen0 = 4096, offset = 0\nlen1 = 512, offset = 0\n";
        assertEquals(expected, succeed("get"));
        assertEquals(expected, succeed("get"));
        assertEquals(1, disk.pending());
        assertEquals(0, disk.owned());
        assertEquals(0, disk.openNodes());
        String json = succeed("get", "--json");
        assertTrue(json.matches("(?s)\\{\n  \"device\": \"/dev/abctl0\",\n  \"id\": \"0x[0-9a-f]+\",\n  \"command\": \"write\",\n"
                + "  \"sector\": 16,\n  \"length\": 4608,\n  \"pieces\": 2,\n  \"fua\": false,\n  \"redelivered\": true,\n  \"nounmap\": false,\n"
                + "  \"meta\": false,\n  \"readahead\": false,\n  \"swap\": false\n\\}\n"),
                json);
    }

    @Test
    void every_operation_has_its_name() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE, Flag.DISCARD, Flag.WRITE_ZEROES);
        disk.read(0, 512);
        disk.flush();
        disk.submit(Operation.DISCARD, 512, 1 << 19, null, false, 0);
        disk.submit(Operation.WRITE_ZEROES, 0, 4096, null, false, 0);
        assertEquals("READ\nsector = 0\nvcnt = 1\nlen0 = 512, offset = 0\n", succeed("put"));
        assertEquals("FLUSH\nsector = 0\nvcnt = 0\n", succeed("put"));
        assertEquals("DISCARD\nsector = 1\nvcnt = 1\nlen0 = 524288, offset = 0\n", succeed("put"));
        assertEquals("WRITE_ZEROES\nsector = 0\nvcnt = 1\nlen0 = 4096, offset = 0\n", succeed("put"));
    }

    @Test
    void get_waits_if_told() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        long start = System.nanoTime();
        assertEquals("/dev/abctl0: no request within 0.2 seconds", fail("get", "--wait=0.2", "0"));
        assertTrue(System.nanoTime() - start > 150_000_000);
        assertEquals("/dev/abctl0: no request within 10ms", fail("put", "--wait=10ms"));
        CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS).execute(() -> disk.read(0, 4096));
        assertTrue(succeed("get", "--wait", "abctl0").startsWith("READ\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--zero"})
    void put_answers_a_read_with_zeros(String option) throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        byte[] full = pattern(8192);
        Submitted read = disk.submit(Operation.READ, 0, full.length, full, false, 0);
        assertEquals("READ\nsector = 0\nvcnt = 2\nlen0 = 4096, offset = 0\nlen1 = 4096, offset = 0\n",
                option.isEmpty() ? succeed("put") : succeed("put", option));
        assertFalse(read.await().failed());
        assertArrayEquals(new byte[8192], read.await().data());
    }

    @Test
    void put_answers_a_read_from_a_file() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Path file = Files.write(directory.resolve("data"), pattern(20000));
        Submitted read = disk.read(8192, 8192);
        succeed("put", "--data", file.toString());
        assertArrayEquals(Arrays.copyOf(pattern(20000), 8192), read.await().data());
        Submitted sought = disk.read(8192, 8192);
        succeed("put", "--seek", "--data=" + file);
        assertArrayEquals(Arrays.copyOfRange(pattern(20000), 8192, 16384), sought.await().data());
        input = pattern(9000);
        Submitted typed = disk.read(0, 4096);
        succeed("put", "--data", "-");
        assertArrayEquals(Arrays.copyOf(pattern(9000), 4096), typed.await().data());
    }

    @Test
    void put_without_enough_data_answers_nothing() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Path file = Files.write(directory.resolve("data"), pattern(4095));
        Submitted read = disk.read(0, 4096);
        for (String[] args : new String[][] {
            {file.toString(), file + ": 4095 bytes where the request needs 4096; it was given back"},
            {directory + "/none", directory + "/none: No such file or directory; the request was given back"},
            {directory.toString(), directory + ": Is a directory; the request was given back"},
            {"-", "-: 0 bytes where the request needs 4096; it was given back"}}) {
            Outcome outcome = run("put", "--data", args[0]);
            assertEquals(1, outcome.exitCode);
            assertEquals("abusectl: " + args[1] + "\n", outcome.err);
            assertFalse(read.isAnswered());
            assertEquals(1, disk.pending());
        }
        succeed("put");
        assertFalse(read.await().failed());
    }

    @Test
    void put_stores_what_is_written() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Path file = Files.write(directory.resolve("out"), pattern(100_000));
        Submitted write = disk.write(4096, pattern(8192));
        succeed("put", "--out", file.toString());
        assertFalse(write.await().failed());
        assertArrayEquals(pattern(8192), Files.readAllBytes(file));

        Path image = directory.resolve("image");
        try (var made = new RandomAccessFile(image.toFile(), "rw")) {
            made.setLength(1 << 20);
        }
        disk.write(65536, pattern(4096));
        disk.read(65536, 4096);
        succeed("put", "--seek", "--out", image.toString(), "--data", image.toString());
        assertEquals(1 << 20, Files.size(image));
        assertArrayEquals(pattern(4096), Arrays.copyOfRange(Files.readAllBytes(image), 65536, 65536 + 4096));

        disk.reset();
        disk.setUp(1 << 20);
        Submitted toTheScreen = disk.write(0, pattern(512));
        Outcome outcome = run("put", "--out", "-");
        assertEquals(0, outcome.exitCode);
        assertArrayEquals(pattern(512), out.toByteArray());
        assertEquals("WRITE\nsector = 0\nvcnt = 1\nlen0 = 512, offset = 0\n", outcome.err);
        assertFalse(toTheScreen.await().failed());
    }

    @Test
    void put_that_cannot_store_answers_nothing() {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Submitted write = disk.write(0, pattern(4096));
        for (String[] args : new String[][] {
            {directory + "/no/where", "No such file or directory"}, {directory.toString(), "Is a directory"},
            {"/dev/full", "No space left on device"}}) {
            Outcome outcome = run("put", "--out", args[0]);
            assertEquals("abusectl: " + args[0] + ": " + args[1] + "; the request was given back\n", outcome.err);
            assertEquals(1, outcome.exitCode);
            assertFalse(write.isAnswered());
        }
        assertEquals(1, disk.pending());
    }

    @Test
    void put_drops_what_is_written_unless_told() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Submitted write = disk.write(0, pattern(4096));
        succeed("put", "--data", directory + "/not-needed");
        assertFalse(write.await().failed());
        assertEquals(Set.of(), Set.of(directory.toFile().list()));
    }

    @Test
    void put_fails_a_request_or_the_device() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Submitted media = disk.read(0, 4096);
        Submitted write = disk.write(0, pattern(512));
        succeed("put", "--fail", "media");
        assertTrue(media.await().failed());
        succeed("put");
        assertFalse(write.await().failed());
        Submitted device = disk.read(0, 4096);
        Submitted next = disk.read(0, 4096);
        succeed("put", "--fail=device");
        succeed("put");
        assertTrue(device.await().failed());
        assertTrue(next.await().failed());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "put --fail x|put: --fail=x is neither 'media' nor 'device'",
        "put --data a --zero|put: --data and --zero are mutually exclusive",
        "put --fail media --data a|put: --fail is not valid with --data, --zero or --out",
        "put --fail media --out a|put: --fail is not valid with --data, --zero or --out",
        "put --seek|put: --seek needs --data or --out with a file",
        "put --seek --data -|put: --seek needs --data or --out with a file",
        "put --wait=soon|put: --wait=soon is not a time: seconds, or a number with s or ms",
        "poll --timeout=-1|poll: --timeout=-1 must not be negative",
        "poll --timeout x|poll: --timeout=x is not a time: seconds, or a number with s or ms",
        "server 0 frob|server: 'frob' is no backend; there are null, mem and file:PATH",
        "server 0 file:|server: 'file:' is no backend; there are null, mem and file:PATH",
        "server mem 0|server: '0' is no backend; there are null, mem and file:PATH",
        "server --create mem|server: --create is valid only with file:PATH",
        "server --create|server: --create is valid only with file:PATH",
        "server --direct mem|server: --direct is valid only with file:PATH",
        "server 0 mem x|server: unexpected argument 'x'"})
    void wrong_options_take_no_request(String words, String message) {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        disk.read(0, 4096);
        assertEquals(message, misuse(words.split(" ")));
        assertEquals(1, disk.pending());
    }

    @Test
    void an_option_that_lacks_its_value_is_refused_in_two_lines() {
        assertEquals("put: Missing required parameter for option '--data' (FILE)", misuse("put", "--data"));
        assertEquals("poll: Missing required parameter for option '--timeout' (SECONDS)", misuse("poll", "--timeout"));
    }

    @Test
    void poll_tells_when_a_request_is_unanswered() {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        assertEquals("/dev/abctl0: no request within 0.1 seconds", fail("poll", "--timeout=0.1"));
        CompletableFuture.delayedExecutor(100, TimeUnit.MILLISECONDS).execute(() -> disk.read(0, 4096));
        assertEquals("1 400\n", succeed("poll"));
        assertEquals("1 400\n", succeed("poll", "0", "--timeout=5"));
        assertEquals("{\n  \"device\": \"/dev/abctl0\",\n  \"ready\": 1,\n  \"events\": 1024\n}\n", succeed("poll", "--json"));
        assertEquals(1, disk.pending());
    }

    @Test
    void reset_fails_what_waits() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Submitted read = disk.read(0, 4096);
        assertEquals("", succeed("reset"));
        assertTrue(read.await().failed());
    }

    @Test
    void requeue_takes_requests_from_who_has_them() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        disk.read(0, 4096);
        try (var hung = devices.open("/dev/abctl0"); var taken = Taken.from(hung, 0).orElseThrow()) {
            assertEquals(1, disk.owned());
            assertEquals("", succeed("requeue"));
            assertEquals(0, disk.owned());
            assertEquals(1, disk.pending());
            assertEquals("/dev/abctl0: too late, the request is not ours any more",
                    assertThrows(IOException.class, () -> taken.answer(Result.OKAY)).getMessage());
        }
        succeed("put");
        assertTrue(succeed("info", "0").contains("redelivered = 1\nstale = 1\n"));
        disk.reset();
        assertEquals("/dev/abctl0: No such device; it is not set up; try 'abusectl setup /dev/abctl0'", fail("requeue"));
    }

    /** A server command in a thread of its own. */
    private CompletableFuture<Outcome> serve(String... args) throws Exception {
        var outcome = CompletableFuture.supplyAsync(() -> run(args));
        for (int i = 0; i < 10_000 && !outcome.isDone() && !out.toString(StandardCharsets.UTF_8).endsWith("\n"); i++) {
            Thread.sleep(10);
        }
        return outcome;
    }

    @Test
    void server_says_that_it_is_ready_serves_and_ends_well() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 24, 2, Flag.WRITE_CACHE);
        Path image = directory.resolve("image");
        var server = serve("server", "--create", "0", "file:" + image);
        assertEquals("abusectl: /dev/abctl0: serving 16 MiB from file:" + image + " on /dev/abuse0, 2 queues\n",
                out.toString(StandardCharsets.UTF_8));
        assertFalse(disk.write(1 << 20, pattern(4096)).await().failed());
        assertArrayEquals(pattern(4096), disk.read(1 << 20, 4096).await().data());
        stop.get().run();
        Outcome outcome = server.get(100, TimeUnit.SECONDS);
        assertEquals(0, outcome.exitCode);
        assertEquals("", outcome.err);
        assertEquals(0, disk.openNodes());
        assertArrayEquals(pattern(4096), Arrays.copyOfRange(Files.readAllBytes(image), 1 << 20, (1 << 20) + 4096));
    }

    @ParameterizedTest
    @CsvSource({"server, null", "server mem, mem", "server 0, null", "server 0 mem, mem", "server abuse0 null, null"})
    void server_knows_device_and_backend_apart(String words, String backend) throws Exception {
        devices.add(0).setUp(1000 * 512, Flag.WRITE_CACHE);
        var server = serve(words.split(" "));
        assertEquals("abusectl: /dev/abctl0: serving 500 KiB from " + backend + " on /dev/abuse0, 1 queue\n",
                out.toString(StandardCharsets.UTF_8));
        stop.get().run();
        assertEquals(0, server.get(100, TimeUnit.SECONDS).exitCode);
    }

    @Test
    void server_of_a_device_that_is_reset_ends_with_one_line() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20, 2);
        var server = serve("server");
        disk.reset();
        Outcome outcome = server.get(100, TimeUnit.SECONDS);
        assertEquals(1, outcome.exitCode);
        assertEquals("abusectl: /dev/abctl0: No such device; it was reset, so the server ends\n", outcome.err);
    }

    @Test
    void run_takes_a_free_device_serves_it_and_gives_it_back() throws Exception {
        devices.add(0).setUp(1 << 20);
        SimulatedDisk disk = devices.add(1);
        Path image = directory.resolve("image");
        var run = serve("run", "sz=2M,bs=512,discard", "file:" + image, "--create");
        assertEquals("/dev/abuse1\n", out.toString(StandardCharsets.UTF_8));
        assertFalse(disk.write(1 << 20, pattern(4096)).await().failed());
        stop.get().run();
        Outcome outcome = run.get(100, TimeUnit.SECONDS);
        assertEquals("", outcome.err);
        assertEquals(0, outcome.exitCode);
        assertArrayEquals(pattern(4096), Arrays.copyOfRange(Files.readAllBytes(image), 1 << 20, (1 << 20) + 4096));
        assertEquals("DISK        SIZE\n/dev/abuse0   1M\n", succeed("list", "-o", "DISK,SIZE"));

        out.reset();
        run = serve("run", "file:" + image);
        try (var device = devices.open("/dev/abctl1")) {
            assertEquals(2 << 20, device.status().capacity());
        }
        stop.get().run();
        assertEquals(0, run.get(100, TimeUnit.SECONDS).exitCode);
    }

    @Test
    void run_that_fails_leaves_no_disk_and_takes_away_no_other() throws Exception {
        assertEquals("there are no devices in /dev; is the module loaded? try 'modprobe abuse'", fail("run", "mem"));
        SimulatedDisk disk = devices.add(0);
        assertEquals(directory + "/none: No such file or directory; add --create to make it",
                fail("run", "file:" + directory + "/none"));
        assertEquals("", succeed("list"));
        assertEquals("run: 'reconnect' is of no use for a free device", misuse("run", "reconnect", "mem"));
        assertEquals("run: unknown key 'frob'", misuse("run", "frob", "mem"));
        assertEquals("run: 'frob' is no backend; there are null, mem and file:PATH", misuse("run", "sz=1M", "frob"));

        var run = serve("run", "mem");
        disk.reset();
        disk.setUp(4 << 20);
        assertEquals("abusectl: /dev/abctl0: No such device; it was reset, so the server ends\n",
                run.get(100, TimeUnit.SECONDS).err);
        assertEquals("SIZE\n  4M\n", succeed("list", "-o", "SIZE"));
        assertEquals("no device is free, all 1 are set up; 'abusectl reset' frees one; more need 'modprobe -r abuse' and"
                + " 'modprobe abuse max_abuse=2'", fail("run", "mem"));
    }

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
        var top = CompletableFuture.supplyAsync(() -> run("top", "-d", "0.2"));
        for (int i = 0; i < 10_000 && !out.toString(StandardCharsets.UTF_8).contains("\u001b[J"); i++) {
            Thread.sleep(10);
        }
        stop.get().run();
        Outcome outcome = top.get(100, TimeUnit.SECONDS);
        assertEquals(0, outcome.exitCode, outcome.err);
        assertTrue(outcome.out.startsWith("\u001b[?7l\u001b[2J\u001b[1;1H\u001b[1mDISK "), outcome.out);
        assertTrue(outcome.out.contains("[\u001b[32m\u001b[33m+\u001b[m         ]"), outcome.out);
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
                " server-9 [000] ..... 14.500000: block_rq_complete: 60,0 DS () 32 + 16 [0]"), () -> stop.get().run());
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

    @Test
    void server_waits_for_a_setup() throws Exception {
        SimulatedDisk disk = devices.add(0);
        var server = CompletableFuture.supplyAsync(() -> run("server", "mem"));
        for (int i = 0; i < 10_000 && err.size() == 0; i++) {
            Thread.sleep(10);
        }
        assertEquals("abusectl: /dev/abctl0: not set up yet; waiting for 'abusectl setup /dev/abctl0'\n", err.toString());
        assertEquals(0, out.size());
        disk.setUp(1 << 20);
        for (int i = 0; i < 10_000 && out.size() == 0; i++) {
            Thread.sleep(10);
        }
        assertEquals("abusectl: /dev/abctl0: serving 1 MiB from mem on /dev/abuse0, 1 queue\n", out.toString());
        stop.get().run();
        assertEquals(0, server.get(100, TimeUnit.SECONDS).exitCode);
    }

    @Test
    void server_refuses_an_image_that_does_not_fit() throws IOException {
        devices.add(0).setUp(16 << 20);
        Path image = directory.resolve("image");
        assertEquals(image + ": No such file or directory; add --create to make it", fail("server", "file:" + image));
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(8 << 20);
        }
        for (String[] args : new String[][] {{"server", "file:" + image}, {"server", "--create", "file:" + image}}) {
            assertEquals("file:" + image + ": holds 8 MiB (8388608 bytes), but /dev/abctl0 has 16 MiB (16777216 bytes);"
                    + " 'abusectl setup /dev/abctl0 sz=8388608' makes a disk of that size, after 'abusectl reset"
                    + " /dev/abctl0'", fail(args));
        }
        assertEquals(8 << 20, Files.size(image));
    }

    @Test
    void server_tells_of_a_broken_image_once_and_goes_on() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE);
        Path image = directory.resolve("image");
        var server = serve("server", "--create", "file:" + image);
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(4096);
        }
        for (int i = 0; i < 10; i++) {
            assertTrue(disk.read(8192, 4096).await().failed());
            assertFalse(disk.read(0, 4096).await().failed());
        }
        stop.get().run();
        Outcome outcome = server.get(100, TimeUnit.SECONDS);
        String message = "abusectl: /dev/abctl0: " + image + ": the image ends before the disk does";
        assertEquals(message + "\n" + message + " (9 more times)\n", outcome.err);
        assertEquals(0, outcome.exitCode);
    }

    @Test
    void what_nobody_foresaw_is_one_line_and_a_trace_only_on_request() {
        devices.add(0);
        var broken = new Context(new ByteArrayInputStream(input), out, err, environment, null, stages -> { }, () -> false);
        assertEquals(1, new Cli(broken).run("reset", "0"));
        assertEquals(1, err.toString().lines().count(), err.toString());
        assertTrue(err.toString().startsWith("abusectl: internal error: java.lang.NullPointerException"), err.toString());
        err.reset();
        environment.put("ABUSECTL_DEBUG", "1");
        assertEquals(1, new Cli(broken).run("reset", "0"));
        assertTrue(err.toString().contains("\tat abuse.command."), err.toString());
    }

    @Test
    void causes_are_told_apart() {
        assertEquals(DeviceException.Cause.MISSING,
                new DeviceException("x", DeviceException.Call.OPEN, Unix.ENODEV).reason());
        assertEquals(DeviceException.Cause.NOT_SET_UP,
                new DeviceException("x", DeviceException.Call.TRANSFER, Unix.ENODEV).reason());
    }
}
