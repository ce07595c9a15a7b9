// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.Result;
import abuse.device.SimulatedDisk.Submitted;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Filters that are changed while their disk is served. */
class FilterCommandTest extends FilterTestBase {
    private static final Result BAD = Result.MEDIA_FAILURE;
    private static final Result GOOD = Result.OKAY;

    private void filter(String... words) {
        assertEquals("", succeed(all(words)));
    }

    private static String[] all(String... words) {
        var all = new String[words.length + 2];
        all[0] = "filter";
        all[1] = "0";
        System.arraycopy(words, 0, all, 2, words.length);
        return all;
    }

    @Test
    void filters_come_and_go_and_change() throws Exception {
        serveWith("--control");
        assertEquals("", succeed("filter", "0"));
        assertEquals(GOOD, write(0, 1));
        filter("add", "error:op=write,nth=2");
        assertEquals(GOOD, write(0, 2));
        assertEquals(BAD, write(0, 3));
        assertEquals(GOOD, write(0, 4));
        assertEquals("NAME  MATCHED KEYS\nerror       3 op=write,nth=2\n", succeed("filter", "0", "list"));
        filter("set", "error", "nth=1,errno=ENOSPC");
        assertEquals(Result.NO_SPACE, write(0, 5));
        assertEquals("NAME  MATCHED KEYS\nerror       1 op=write,nth=1,errno=ENOSPC\n", succeed("filter", "0"));
        filter("set", "error", "nth=,op=read");
        assertEquals(GOOD, write(0, 6));
        assertEquals(Result.NO_SPACE, read(0));
        filter("remove", "error");
        holds(0, 6);
        assertEquals("", endServer());
    }

    @Test
    void filters_of_one_name_have_numbers() throws Exception {
        serveWith("error:op=read", "check", "error:op=write");
        assertEquals("NAME    KEYS\nerror#1 op=read\ncheck   -\nerror#2 op=write\n", succeed("filter", "0", "-o", "name,keys"));
        assertEquals("/dev/abctl0: there is no filter 'error'; there are error#1, check, error#2; did you mean 'error#1'?", fail(all("remove", "error")));
        filter("remove", "error#1");
        assertEquals(GOOD, read(0));
        assertEquals(BAD, write(0, 1));
        filter("remove", "error");
        assertEquals(GOOD, write(0, 1));
        assertEquals("""
                {
                  "filters": [
                    {
                      "name": "check",
                      "matched": 1,
                      "keys": {}
                    }
                  ]
                }
                """, succeed("filter", "0", "--json"));
        endServer();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', value = {
        "frob ~ 'frob' is none of list, set, add, remove, cut",
        "lst ~ 'lst' is none of list, set, add, remove, cut; did you mean 'list'?",
        "add ~ FILTER is missing",
        "add eror ~ 'eror' is not a filter; there are error, readonly, delay, stall, rate, log, stats, corrupt, powerfail, cow, cache, retry, check, record; did you mean 'error'?",
        "add error:nht=1 ~ error: unknown key 'nht'; there are errno, fail, list, sticky, heal, op, range, when, nth, every, from, until, rate, seed; did you mean 'nth'?",
        "set error nht= ~ error: unknown key 'nht'; there are errno, fail, list, sticky, heal, op, range, when, nth, every, from, until, rate, seed; did you mean 'nth'?",
        "set error nth=x ~ error: nth=x is not a number",
        "set error nth=1,nth=2 ~ error: 'nth' is given twice",
        "add error op=write ~ unexpected argument 'op=write'; did you mean 'error:op=write'?",
        "add error:op=write nth=1 ~ unexpected argument 'nth=1'; did you mean 'error:op=write,nth=1'?",
        "add error check ~ unexpected argument 'check'",
        "list error ~ unexpected argument 'error'",
        "remove error check ~ unexpected argument 'check'",
        "remove error --json ~ 'remove' prints nothing, so options for columns are of no use"})
    void a_mistake_changes_nothing(String words, String message) throws Exception {
        serveWith("error:op=write");
        assertEquals("filter: " + message, misuse(all(words.split(" "))));
        assertEquals(BAD, write(0, 1));
        assertEquals(GOOD, read(0));
        endServer();
    }

    @Test
    void what_cannot_be_done_says_why() throws Exception {
        devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE);
        environment.put("RUNTIME_DIRECTORY", directory.toString());
        assertEquals("/dev/abctl0: nobody serves it; start its server, with its own backend: 'abusectl server /dev/abctl0 BACKEND --control'", fail("filter", "0"));
        var plain = start("server", "0", "mem").awaitReady();
        assertEquals("/dev/abctl0: its server has no control socket; start it with --control", fail("filter", "0"));
        plain.signal();
        assertEquals(0, plain.end().exitCode());
        disk = devices.add(1).setUp(1 << 20, Flag.WRITE_CACHE);
        var server = start("server", "1", "file:" + directory.resolve("image"), "--create", "--filter", "error:rate=0").awaitReady();
        assertEquals("/dev/abctl1: there is no filter 'powerfail'; there is error", fail("filter", "1", "cut"));
        assertEquals("/dev/abctl1: 'error' cannot cut the power; 'powerfail' can", fail("filter", "1", "cut", "error"));
        assertEquals("/dev/abctl1: another server may serve the disk, too, and would not know what this filter keeps of it; start"
                + " the server with --control", fail("filter", "1", "add", "check"));
        assertEquals("/dev/abctl1: log: file=/nowhere/log: No such file or directory", fail("filter", "1", "add", "log:file=/nowhere/log"));
        assertEquals("NAME\nerror\n", succeed("filter", "1", "-o", "NAME"));
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void a_power_failure_by_hand() throws Exception {
        Path image = directory.resolve("image");
        serve("file:" + image, "--control", "powerfail:off=0");
        write(0, 1);
        assertEquals(GOOD, flush());
        write(0, 2);
        write(1, 3);
        filter("cut");
        server.await(() -> server.err().equals("powerfail: lost=2 kept=0 torn=0\n"));
        holds(0, 1);
        holds(1, 0);
        filter("set", "powerfail", "off=");
        write(0, 4);
        filter("cut", "powerfail");
        assertEquals(BAD, read(0));
        assertEquals("/dev/abctl0: the power is off already", fail(all("cut")));
        filter("set", "powerfail", "fate=kept");
        holds(0, 1);
        write(0, 5);
        filter("cut");
        assertEquals(BAD, write(0, 6));
        filter("remove", "powerfail");
        holds(0, 5);
        endServer();
    }

    @ParameterizedTest
    @ValueSource(strings = {"mem", "file:"})
    void a_write_cache_that_is_taken_away_is_written_back(String backend) throws Exception {
        serve(backend.equals("mem") ? backend : backend + directory.resolve("image"), "--control");
        write(1, 1);
        filter("add", "powerfail");
        write(1, 2);
        write(2, 3);
        filter("remove", "powerfail");
        holds(1, 2);
        holds(2, 3);
        endServer();
    }

    @Test
    void what_a_filter_keeps_goes_on_when_it_is_taken_away() throws Exception {
        serveWith("stall:op=write,release=/nowhere/never", "delay:op=read,time=3600");
        Submitted write = disk.write(0, bytes(1));
        Submitted read = disk.read(BLOCK, BLOCK);
        while (disk.owned() < 2) {
            Thread.sleep(1);
        }
        Thread.sleep(30);
        assertFalse(write.isAnswered() || read.isAnswered());
        filter("remove", "stall");
        assertEquals(GOOD, resultOf(write));
        assertFalse(read.isAnswered());
        filter("set", "delay", "time=0");
        assertEquals(GOOD, resultOf(read));
        endServer();
    }

    @Test
    void a_change_that_has_to_wait_for_a_request_that_does_not_end_is_given_up() throws Exception {
        Path trigger = Files.createFile(directory.resolve("trigger"));
        serveWith("powerfail", "stall:op=read,when=" + trigger);
        Submitted read = disk.read(0, BLOCK);
        while (disk.owned() == 0) {
            Thread.sleep(1);
        }
        write(1, 7);
        assertEquals("/dev/abctl0: requests are under way that have not ended within 10 seconds; try again when they have",
                fail(all("remove", "powerfail")));
        assertFalse(read.isAnswered());
        assertEquals(GOOD, write(2, 8));
        Files.delete(trigger);
        assertEquals(GOOD, resultOf(read));
        filter("remove", "powerfail");
        holds(1, 7);
        holds(2, 8);
        endServer();
    }

    /** Each request is answered, and has what was written last, whatever is changed meanwhile. */
    @ParameterizedTest
    @ValueSource(strings = {"mem", "file:"})
    void changes_under_load_lose_nothing(String backend) throws Exception {
        serve(backend.equals("mem") ? backend : backend + directory.resolve("image"), "--control", "check:fail");
        var done = new AtomicBoolean();
        var failure = new Throwable[1];
        var load = new Thread(() -> {
            try {
                var random = new Random(1);
                int[] seeds = new int[256];
                while (!done.get()) {
                    var writes = new Submitted[32];
                    int first = random.nextInt(256 - writes.length);
                    for (int i = 0; i < writes.length; i++) {
                        seeds[first + i] = random.nextInt(1, 1 << 30);
                        writes[i] = disk.write((long) (first + i) * BLOCK, bytes(seeds[first + i]));
                    }
                    for (Submitted write : writes) {
                        assertEquals(GOOD, resultOf(write));
                    }
                    if (random.nextInt(4) == 0) {
                        assertEquals(GOOD, flush());
                    }
                    if (random.nextInt(8) == 0) {
                        int block = random.nextInt(256);
                        assertEquals(GOOD, resultOf(disk.submit(Operation.WRITE_ZEROES, (long) block * BLOCK, BLOCK, null, false, 0)));
                        seeds[block] = 0;
                    }
                    int block = random.nextInt(256);
                    holds(block, seeds[block]);
                }
            } catch (Throwable e) {
                failure[0] = e;
            }
        });
        load.start();
        for (int round = 0; round < 8 && failure[0] == null; round++) {
            filter("add", "powerfail:cache=1M");
            filter("add", "delay:time=1ms,rate=20%");
            filter("set", "check", "fail");
            filter("add", "log:file=" + directory.resolve("log"));
            filter("set", "powerfail", "cache=2M");
            filter("remove", "log");
            filter("remove", "powerfail");
            filter("remove", "delay");
        }
        done.set(true);
        load.join();
        if (failure[0] != null) {
            throw new AssertionError(server.err(), failure[0]);
        }
        assertEquals("", endServer());
    }

    @Test
    void only_its_user_may_use_the_socket_and_it_goes_with_the_server() throws Exception {
        serveWith("error:rate=0");
        succeed("filter", "0");
        Path socket = directory.resolve("abctl0");
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
        endServer();
        assertFalse(Files.exists(socket));
        try (var files = Files.list(directory)) {
            assertEquals(0, files.filter(file -> file.getFileName().toString().startsWith(".control")).count());
        }
    }

    @Test
    void a_second_server_has_the_socket_and_the_first_one_gets_it_back() throws Exception {
        Path image = directory.resolve("image");
        serve("file:" + image, "error:rate=0");
        assertTrue(succeed("filter", "0").contains("error"));
        var first = server;
        serve("file:" + image, "delay:time=0");
        while (!succeed("filter", "0").contains("delay")) {
            Thread.sleep(20);
        }
        // It looks each second whether there is another one
        Thread.sleep(1500);
        assertTrue(succeed("filter", "0").contains("delay"));
        endServer();
        // It asks for some seconds itself, which may be too short
        while (!run("filter", "0").out().contains("error")) {
            Thread.sleep(20);
        }
        server = first;
        endServer();
    }

    /** Any service may be of abuse, with any name; the newest socket that answers is asked. */
    @Test
    void a_server_with_a_folder_of_its_own_is_found() throws Exception {
        disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE);
        environment.put("RUNTIME_DIRECTORY", directory.resolve("mydisk").toString());
        var mine = start("server", "0", "mem", "--control", "--filter", "error:rate=0").awaitReady();
        mine.await(() -> Files.exists(directory.resolve("mydisk/abctl0")));
        environment.put("RUNTIME_DIRECTORY", directory.toString());
        assertEquals("error\n", succeed("filter", "0", "-n", "-o", "name").strip() + "\n");
        mine.signal();
        assertEquals(0, mine.end().exitCode());
        Path older = Files.createDirectory(directory.resolve("another")).resolve("abctl0");
        Path newer = Files.createDirectory(directory.resolve("zero")).resolve("abctl0");
        Files.setLastModifiedTime(Files.createFile(older), FileTime.fromMillis(1000));
        Files.setLastModifiedTime(Files.createFile(newer), FileTime.fromMillis(2000));
        var context = new Context(null, new ByteArrayOutputStream(), new ByteArrayOutputStream(), Map.of(), devices, null, () -> false);
        context.sockets = directory;
        assertEquals(List.of(newer, older), FilterControl.paths(context, 0).stream().filter(Files::exists).toList());
    }

    @Test
    void relative_paths_are_those_of_who_asks() throws Exception {
        serveWith("--control");
        filter("add", "log:file=target/filter-test.log");
        write(0, 1);
        assertTrue(succeed("filter", "0").contains("file=" + Path.of("target/filter-test.log").toAbsolutePath()));
        endServer();
        assertTrue(Files.deleteIfExists(Path.of("target/filter-test.log")));
    }

    @Test
    void a_server_without_the_right_to_make_a_socket_goes_on_without_it() throws Exception {
        disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE);
        Path file = Files.createFile(directory.resolve("file"));
        environment.put("RUNTIME_DIRECTORY", file.resolve("folder").toString());
        server = start("server", "0", "mem", "--filter", "error:rate=0").awaitReady();
        assertEquals(GOOD, write(0, 1));
        assertEquals("", endServer());
        server = start("server", "0", "mem", "--control").awaitReady();
        server.await(() -> !server.err().isEmpty());
        assertEquals(GOOD, write(0, 1));
        server.signal();
        Outcome outcome = server.end();
        assertEquals(0, outcome.exitCode());
        assertTrue(outcome.err().endsWith("; the server cannot be told anything while it serves\n"), outcome.err());
    }
}
