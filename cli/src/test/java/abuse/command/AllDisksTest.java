// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.SimulatedDisk;
import abuse.server.MultiServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** server --all: its file, what it tells and how it ends. */
class AllDisksTest extends CommandTestBase {
    private String list(String... lines) throws IOException {
        return Files.write(directory.resolve("disks"), Arrays.asList(lines)).toString();
    }

    @Test
    void it_serves_each_line_and_ends_well() throws Exception {
        SimulatedDisk zero = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE);
        Path image = directory.resolve("image");
        String file = list("# Two disks", "", " /dev/abuse0\tfile:" + image + " --create  # as large as the disk",
                "7 mem setup=sz=2M,bs=512");
        var server = start("server", "--all", file);
        server.await(() -> server.out().lines().count() == 2);
        assertEquals(List.of("abusectl: /dev/abctl0: serving 1 MiB from file:" + image + " on /dev/abuse0, 1 queue",
                "abusectl: /dev/abctl7: serving 2 MiB from mem on /dev/abuse7, 1 queue"), server.out().lines().sorted().toList());
        assertFalse(zero.write(4096, pattern(4096)).await().failed());
        assertFalse(zero.flush().await().failed());
        assertArrayEquals(pattern(4096), zero.read(4096, 4096).await().data());
        server.signal();
        Outcome outcome = server.end();
        assertEquals("", outcome.err());
        assertEquals(0, outcome.exitCode());
        assertArrayEquals(pattern(4096), Arrays.copyOfRange(Files.readAllBytes(image), 4096, 8192));
    }

    @Test
    void a_disk_that_is_set_up_already_is_kept_and_standard_input_is_read() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        var read = disk.read(0, 4096);
        input = "0 null setup=sz=2M\n".getBytes(UTF_8);
        var server = start("server", "--all", "-").awaitReady();
        assertTrue(server.out().contains("serving 2 MiB"), server.out());
        assertFalse(read.await().failed());
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    /** It may have grown since its line was written. */
    @Test
    void a_disk_that_cannot_become_what_its_line_says_is_served_as_it_is() throws Exception {
        devices.add(0).setUp(2 << 20);
        devices.add(1).setUp(2 << 20);
        var server = start("server", "--all", list("0 null setup=sz=1M", "1 null setup=bs=64K"));
        server.await(() -> server.out().lines().count() == 2);
        assertTrue(server.out().contains("/dev/abctl0: serving 2 MiB"), server.out());
        List<String> errors = server.err().lines().sorted().toList();
        assertTrue(errors.get(0).startsWith("abusectl: /dev/abctl0: Invalid argument; a disk in use can grow, "), errors.get(0));
        assertTrue(errors.get(0).endsWith("; it is served as it is"), errors.get(0));
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void a_disk_that_fails_is_told_and_the_others_go_on() throws Exception {
        SimulatedDisk zero = devices.add(0).setUp(1 << 20);
        SimulatedDisk one = devices.add(1).setUp(1 << 20);
        Path image = Files.write(directory.resolve("image"), new byte[4096]);
        var server = start("server", "--all", list("0 mem", "1 mem", "2 mem", "3 file:" + image + " setup=sz=1M", "4 mem setup=bs=64K"));
        server.await(() -> server.err().lines().count() == 3 && server.out().lines().count() == 2);
        String[] errors = server.err().lines().sorted().toArray(String[]::new);
        assertEquals("abusectl: /dev/abctl2: No such file or directory; there is no such device; 'abusectl info' lists those"
                + " there are; it is tried again every 10 seconds while others are served", errors[0]);
        assertEquals("abusectl: /dev/abctl3: file:" + image + ": holds 4 KiB (4096 bytes), but /dev/abctl3 has 1 MiB (1048576"
                + " bytes); 'abusectl setup /dev/abctl3 sz=4096' makes a disk of that size, after 'abusectl reset"
                + " /dev/abctl3'; it is tried again every 10 seconds while others are served", errors[1]);
        assertTrue(errors[2].startsWith("abusectl: /dev/abctl4: Invalid argument; "), errors[2]);
        zero.reset();
        server.await(() -> server.err().contains("/dev/abctl0: No such device; it was reset, and"));
        assertFalse(one.read(0, 4096).await().failed());
        Files.write(image, new byte[1 << 20]);
        server.await(() -> server.out().contains("/dev/abctl3: serving 1 MiB"));
        server.signal();
        Outcome outcome = server.end();
        assertEquals(0, outcome.exitCode());
        assertEquals(5, outcome.err().lines().count(), outcome.err());
        assertTrue(outcome.err().endsWith("disks: 3 of 5 disks were not served to the end\n"), outcome.err());
    }

    @Test
    void an_image_that_is_refused_is_refused_at_the_next_try_too() throws Exception {
        devices.add(0).setUp(1 << 20);
        devices.add(1).setUp(1 << 20);
        Path image = Files.write(directory.resolve("q.qcow2"), Arrays.copyOf(new byte[] {'Q', 'F', 'I', (byte) 0xfb}, 4096));
        var server = start("server", "--all", list("0 mem", "1 file:" + image)).awaitReady();
        server.await(() -> server.err().lines().count() == 1);
        assertTrue(server.err().contains("begins as a qcow2 image does"), server.err());
        // Longer than until the next try, which has nothing else to say
        Thread.sleep(TimeUnit.SECONDS.toMillis(MultiServer.RETRY_SECONDS + 2));
        assertEquals(1, server.err().lines().count(), server.err());
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void a_disk_that_is_set_up_again_after_a_reset_is_served_again() throws Exception {
        devices.add(0).setUp(1 << 20);
        SimulatedDisk one = devices.add(1).setUp(1 << 20);
        var server = start("server", "--all", list("0 mem", "1 mem"));
        server.await(() -> server.out().lines().count() == 2);
        one.reset();
        server.await(() -> server.err().equals("abusectl: /dev/abctl1: No such device; it was reset, and is served when it is set"
                + " up again\n"));
        one.setUp(2 << 20);
        server.await(() -> server.out().endsWith("abusectl: /dev/abctl1: serving 2 MiB from mem on /dev/abuse1, 1 queue\n"));
        assertFalse(one.read(1 << 20, 4096).await().failed());
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void a_word_in_quotes_may_have_blanks() throws Exception {
        devices.add(0).setUp(1 << 20);
        Path image = directory.resolve("an image #1's");
        var server = start("server", "--all", list("0 \"file:" + image + "\" '--create' # not more")).awaitReady();
        server.signal();
        assertEquals(0, server.end().exitCode());
        assertEquals(1 << 20, Files.size(image));
    }

    @Test
    void it_ends_when_no_disk_is_left() throws Exception {
        SimulatedDisk zero = devices.add(0).setUp(1 << 20);
        SimulatedDisk one = devices.add(1);
        var server = start("server", "--all", list("0 mem", "1 mem"));
        server.await(() -> server.err().lines().count() == 1);
        assertEquals("abusectl: /dev/abctl1: not set up yet; waiting for 'abusectl setup /dev/abctl1'\n", server.err());
        one.setUp(1 << 20);
        server.await(() -> server.out().lines().count() == 2);
        zero.reset();
        one.reset();
        Outcome outcome = server.end();
        assertEquals(1, outcome.exitCode());
        assertTrue(outcome.err().endsWith("disks: no disk is left, so the server ends\n"), outcome.err());
    }

    @Test
    void it_ends_when_none_can_be_opened() throws Exception {
        for (String[] lines : new String[][] {{"0 file:/nowhere"}, {"0 file:/nowhere", "1 file:/nowhere"}}) {
            devices.add(0).setUp(1 << 20);
            devices.add(1).setUp(1 << 20);
            Outcome outcome = start("server", "--all", list(lines)).end();
            assertEquals(1, outcome.exitCode());
            assertTrue(outcome.err().endsWith("disks: no disk is left, so the server ends\n"), outcome.err());
        }
    }

    @Test
    void a_disk_that_fails_twice_counts_once() throws Exception {
        devices.add(0).setUp(1 << 20);
        SimulatedDisk one = devices.add(1).setUp(1 << 20);
        Path image = Files.write(directory.resolve("image"), new byte[1 << 20]);
        var server = start("server", "--all", list("0 mem", "1 file:" + image));
        server.await(() -> server.out().lines().count() == 2);
        one.reset();
        server.await(() -> server.err().contains("it was reset"));
        one.setUp(2 << 20);
        server.await(() -> server.err().contains("holds 1 MiB"));
        server.signal();
        Outcome outcome = server.end();
        assertTrue(outcome.err().endsWith("disks: 1 of 2 disks were not served to the end\n"), outcome.err());
    }

    @Test
    void a_service_manager_gets_a_file_for_each_disk_that_is_served() throws Exception {
        environment.put("RUNTIME_DIRECTORY", directory.toString());
        devices.add(0).setUp(1 << 20);
        SimulatedDisk one = devices.add(1).setUp(1 << 20);
        devices.add(2).setUp(1 << 20);
        var server = start("server", "--all", list("0 mem", "abuse1 mem", "2 file:/nowhere"));
        server.await(() -> server.out().lines().count() == 2);
        assertTrue(Files.exists(directory.resolve("0")));
        assertTrue(Files.exists(directory.resolve("1")));
        assertFalse(Files.exists(directory.resolve("2")));
        one.reset();
        server.await(() -> server.err().contains("it was reset"));
        assertFalse(Files.exists(directory.resolve("1")));
        server.signal();
        server.end();
    }

    private String filters(String device) {
        return succeed("filter", device, "-n", "-o", "NAME,KEYS");
    }

    @Test
    void each_disk_has_its_own_filters_which_can_be_changed() throws Exception {
        environment.put("RUNTIME_DIRECTORY", directory.toString());
        SimulatedDisk zero = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE);
        SimulatedDisk one = devices.add(1).setUp(1 << 20, Flag.WRITE_CACHE);
        SimulatedDisk two = devices.add(2).setUp(1 << 20, Flag.WRITE_CACHE);
        var server = start("server", "--all", list("0 mem --filter error:op=write,nth=1 --filter=powerfail:off=0", "1 mem --control", "2 mem"));
        server.await(() -> server.out().lines().count() == 3);
        assertTrue(server.out().contains("from mem through error, powerfail on /dev/abuse0"), server.out());
        assertTrue(zero.write(0, pattern(4096)).await().failed());
        assertFalse(one.write(0, pattern(4096)).await().failed());
        assertFalse(zero.write(0, pattern(4096)).await().failed());
        succeed("filter", "0", "cut");
        assertArrayEquals(new byte[4096], zero.read(0, 4096).await().data());
        assertEquals("", filters("1"));
        succeed("filter", "1", "add", "readonly");
        succeed("filter", "0", "set", "error", "op=read");
        assertTrue(one.write(0, pattern(4096)).await().failed());
        assertEquals("error     op=read,nth=1\npowerfail off=0\n", filters("0"));
        assertEquals("readonly -\n", filters("1"));
        assertEquals("/dev/abctl2: its server has no control socket; start it with --control", fail("filter", "2"));
        assertFalse(two.read(0, 4096).await().failed());
        server.signal();
        assertEquals(0, server.end().exitCode());
        assertFalse(Files.exists(directory.resolve("abctl0")));
    }

    @Test
    void a_disk_that_is_served_again_has_the_filters_of_its_line() throws Exception {
        environment.put("RUNTIME_DIRECTORY", directory.toString());
        SimulatedDisk zero = devices.add(0).setUp(1 << 20);
        devices.add(1).setUp(1 << 20);
        Path log = directory.resolve("log");
        var server = start("server", "--all", list("0 mem --filter log:file=" + log + " --filter error:op=write,nth=1", "1 mem"));
        server.await(() -> server.out().lines().count() == 2);
        assertTrue(zero.write(0, pattern(4096)).await().failed());
        succeed("filter", "0", "remove", "error");
        zero.reset();
        server.await(() -> server.err().contains("it was reset"));
        zero.setUp(1 << 20);
        server.await(() -> server.out().lines().count() == 3);
        assertTrue(zero.write(0, pattern(4096)).await().failed());
        assertFalse(zero.write(0, pattern(4096)).await().failed());
        assertEquals("log   file=" + log + "\nerror op=write,nth=1\n", filters("0"));
        assertEquals(3, Files.readAllLines(log).size());
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    /** More disks that hang than there are threads for other backends. */
    @Test
    void disks_that_hang_keep_nobody_else_waiting() throws Exception {
        Path release = directory.resolve("release");
        var lines = new java.util.ArrayList<String>();
        var reads = new java.util.ArrayList<SimulatedDisk.Submitted>();
        for (int i = 0; i < 10; i++) {
            SimulatedDisk disk = devices.add(i).setUp(1 << 20);
            reads.add(disk.read(0, 4096));
            reads.add(disk.read(4096, 4096));
            lines.add(i + " mem --filter stall:release=" + release);
        }
        SimulatedDisk last = devices.add(10).setUp(1 << 20);
        lines.add("10 mem --filter error:rate=0");
        var server = start("server", "--all", list(lines.toArray(String[]::new)));
        server.await(() -> server.out().lines().count() == 11);
        assertFalse(last.read(0, 4096).await().failed());
        assertFalse(reads.stream().anyMatch(SimulatedDisk.Submitted::isAnswered));
        Files.createFile(release);
        for (var read : reads) {
            assertFalse(read.await().failed());
        }
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void a_name_that_is_not_utf_8_is_refused() throws Exception {
        devices.add(0);
        Path file = Files.write(directory.resolve("disks"), "0 file:/tmp/\u00e9 --create setup=sz=1M".getBytes(ISO_8859_1));
        assertEquals("server: " + file + ":1: this is not UTF-8; a file with such a name needs a link with another name",
                misuse("server", "--all", file.toString()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "mem | 'mem' is not a device, such as /dev/abctlN, /dev/abuseN, abctlN, abuseN or N",
        "1 | there is no backend after '1'",
        "1 frob | 'frob' is not a backend; there are null, mem, file:PATH, qcow2:PATH, cow:BASE[,keep=PATH], nbd://HOST/EXPORT, nbd+unix:///EXPORT?socket=PATH, nbds://HOST/EXPORT, nbds+unix:///EXPORT?socket=PATH, nbd-exec:COMMAND, rbd:POOL/IMAGE, http://HOST/PATH and https://HOST/PATH",
        "1 mem --create | --create is valid only with file:PATH",
        "1 mem --frob | '--frob' is neither --create, --direct, --shared, --control, --filter FILTER nor setup=KEYS",
        "1 mem sz=1M | 'sz=1M' is neither --create, --direct, --shared, --control, --filter FILTER nor setup=KEYS",
        "1 \"mem | there is no second \"",
        "1 '' | '' is not a backend; there are null, mem, file:PATH, qcow2:PATH, cow:BASE[,keep=PATH], nbd://HOST/EXPORT, nbd+unix:///EXPORT?socket=PATH, nbds://HOST/EXPORT, nbds+unix:///EXPORT?socket=PATH, nbd-exec:COMMAND, rbd:POOL/IMAGE, http://HOST/PATH and https://HOST/PATH",
        "1 mem --filter | there is no filter after --filter",
        "1 mem --filter eror | 'eror' is not a filter; there are error, readonly, delay, stall, rate, log, stats, corrupt, powerfail, cow, cache, retry, check, record; did you mean 'error'?",
        "1 mem --filter=error:nht=1 | --filter error: unknown key 'nht'; there are errno, fail, list, sticky, heal, op, range, when, nth, every, from, until, rate, seed; did you mean 'nth'?",
        "1 mem --shared --filter check | --filter check: another server may serve the disk, too, and would not know what this filter keeps of it; --shared does not go with it",
        "1 mem --shared --control | --control and --shared exclude each other: with --control no other server may serve the disk; use --filter instead of --control",
        "1 mem setup=frob=1 | unknown key 'frob'",
        "1 mem setup=sz=1M,bs=3000 | bs=3000 is not a power of two",
        "1 mem setup=ro setup=rw | there is more than one setup=",
        "1 mem setup=autoremove | 'autoremove' would take the disk away as soon as it is set up",
        "/dev/abuse0 mem | /dev/abctl0 is in line 2 already"})
    void a_line_that_is_wrong_is_named_and_nothing_is_changed(String line, String error) throws Exception {
        devices.add(0);
        String file = list("# comment", "0 mem setup=sz=1M", line);
        assertEquals("server: " + file + ":3: " + error, misuse("server", "--all", file));
        assertEquals("", succeed("list", "-n"));
        assertEquals(1, devices.list().size());
    }

    @Test
    void what_does_not_go_with_a_file_is_refused() throws Exception {
        devices.add(0);
        String file = list("0 mem");
        assertEquals("server: with --all, '0' belongs in a line of the file", misuse("server", "--all", file, "0"));
        assertEquals("server: with --all, --create belongs in the lines of the file", misuse("server", "--all", file, "--create"));
        assertEquals("server: with --all, --filter belongs in the lines of the file", misuse("server", "--all", file, "--filter", "readonly"));
        assertEquals("server: with --all, --control belongs in the lines of the file", misuse("server", "--all", file, "--control"));
        assertEquals("server: with --all, --poll is of no use: the server waits for all disks at once",
                misuse("server", "--all", file, "--poll"));
        assertEquals("run: unknown option '--all'; did you mean '--poll'?", misuse("run", "--all", file));
        assertEquals("server: " + list("# none") + ": there is no disk in it", misuse("server", "--all", file));
        assertEquals("--all=" + directory + "/none: No such file or directory", fail("server", "--all", directory + "/none"));
        assertEquals("--all=" + directory + ": Is a directory", fail("server", "--all", directory.toString()));
    }
}
