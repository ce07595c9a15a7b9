// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.DeviceException;
import abuse.device.SimulatedDisk;
import abuse.libc.Unix;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What all commands have in common. */
class CliTest extends CommandTestBase {
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

    @ParameterizedTest
    @CsvSource({"resize, '\\n      SIZE '", "mark, '\\n      TEXT '", "crashes, ' --base=IMAGE --check=CHECK'",
        "filter, '\\n       abusectl filter [DEVICE] remove FILTER\\n'"})
    void help_has_no_brackets_around_what_must_be_given(String command, String words) {
        String help = succeed(command, "--help");
        assertTrue(help.contains(words.replace("\\n", "\n")), help);
        assertFalse(help.matches("(?s).*\\[(SIZE|TEXT|--base.*|--check.*)\\].*"), help);
    }

    @ParameterizedTest
    @CsvSource({"server, 128+N", "run, 128+N", "crashes, 1 ", "crashes, 128+N", "replay, 128+N",
        "trace, 128+N", "top, 128+N"})
    void help_tells_of_an_exit_status_that_means_more_here(String command, String code) {
        String help = succeed(command, "--help");
        assertTrue(help.matches("(?s).*\\nExit status:\\n.*\\n? *" + code.replace("+", "\\+") + ".*"), help);
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
        assertEquals("/dev/abctl3: No such file or directory; is the module loaded? try 'modprobe"
                + " abuse'", command.equals("resize") ? fail(command, "3", "1M") : fail(command, "3"));
    }

    @Test
    void other_refusals_name_device_cause_and_next_step() {
        devices.add(0);
        assertEquals("/dev/abctl9: No such file or directory; there is no such device; 'abusectl info' lists those there"
                + " are", fail("info", "9"));
        devices.refuse("/dev/abctl1", Unix.EACCES);
        assertEquals("/dev/abctl1: Permission denied; only root and the owner of the node may; try sudo, or change"
                + " the owner with chown", fail("info", "1"));
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

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "put --fail x|put: --fail=x is neither 'media' nor 'device'",
        "put --data a --zero|put: --data and --zero exclude each other",
        "put --fail media --data a|put: --fail is not valid with --data, --zero or --out",
        "put --fail media --out a|put: --fail is not valid with --data, --zero or --out",
        "put --seek|put: --seek needs --data or --out with a file",
        "put --seek --data -|put: --seek needs --data or --out with a file",
        "put --wait=soon|put: --wait=soon is not a time: seconds, or a number with s or ms",
        "poll --timeout=-1|poll: --timeout=-1 must not be negative",
        "poll --timeout x|poll: --timeout=x is not a time: seconds, or a number with s or ms",
        "server 0 frob|server: 'frob' is not a backend; there are null, mem, file:PATH, qcow2:PATH, cow:BASE[,keep=PATH], nbd://HOST/EXPORT, nbd+unix:///EXPORT?socket=PATH, nbds://HOST/EXPORT, nbds+unix:///EXPORT?socket=PATH, nbd-exec:COMMAND, rbd:POOL/IMAGE, http://HOST/PATH and https://HOST/PATH",
        "server 0 file:|server: 'file:' is not all of a backend; it is file:PATH",
        "server mem 0|server: '0' belongs before 'mem', which is the backend",
        "server --create mem|server: --create is valid only with file:PATH",
        "server --create|server: --create is valid only with file:PATH",
        "run sz=1G qcow2:/a/new$1.qcow2 --create|run: --create is valid only with file:PATH; 'qemu-img create -f qcow2 /a/new\\$1.qcow2 SIZE' makes the image",
        "run --create qcow2:new.qcow2|run: --create is valid only with file:PATH; 'qemu-img create -f qcow2 new.qcow2 SIZE' makes the image",
        "server 0 --create qcow2:new.qcow2|server: --create is valid only with file:PATH; 'qemu-img create -f qcow2 new.qcow2 SIZE' makes the image",
        "server --deadline=1 mem|server: --deadline is valid only with nbd://HOST/EXPORT, nbd+unix:///EXPORT?socket=PATH, nbds://HOST/EXPORT, nbds+unix:///EXPORT?socket=PATH, nbd-exec:COMMAND, rbd:POOL/IMAGE, http://HOST/PATH, https://HOST/PATH, or with --filter or --control",
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
    void what_nobody_foresaw_is_one_line_and_a_trace_only_on_request() {
        devices.add(0);
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
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
        assertEquals(DeviceException.Reason.MISSING,
                new DeviceException("x", DeviceException.Call.OPEN, Unix.ENODEV).reason());
        assertEquals(DeviceException.Reason.NOT_SET_UP,
                new DeviceException("x", DeviceException.Call.TRANSFER, Unix.ENODEV).reason());
    }
}
