// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How filters are given, and what is wrong with them. */
class FilterOptionTest extends CommandTestBase {
    /** Where control sockets are. */
    @BeforeEach
    void useNoFolderOfTheMachine() {
        environment.put("RUNTIME_DIRECTORY", directory.toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', value = {
        "error:nht=3 ~ unknown key 'nht'",
        "error:nht=3 ~ ; did you mean 'nth'?",
        "error:frobnicate ~ unknown key 'frobnicate'; there are errno, fail, list, sticky, heal, op, range, when, nth, every, from, until, rate, seed",
        "error:nth=x ~ nth=x is not a number",
        "error:nth=0 ~ nth=0 must be at least 1",
        "error:nth ~ 'nth' needs a value, as in nth=N",
        "error:nth= ~ 'nth' needs a value, as in nth=N",
        "error:nth=1,nth=2 ~ 'nth' is given twice",
        "error:errno=EOI ~ errno=EOI is none of EIO, ENOSPC, ETIMEDOUT, EREMOTEIO; did you mean 'EIO'?",
        "error:op=read+wirte ~ op=wirte is none of read, write, flush, discard, write_zeroes; did you mean 'write'?",
        "error:rate=2 ~ rate=2 is not a part of all, from 0 to 1 or from 0% to 100%",
        "error:range=1M ~ range=1M is not a range, as 4K-1M or 1M-",
        "error:range=1M-1K ~ range=1M-1K ends before it begins",
        "error:range=0-1K,op=flush ~ a flush has no range, so no request would ever be picked",
        "error:nth=3,every=2 ~ nth is not a multiple of every, so no request would ever be picked",
        "error:nth=3,from=4 ~ nth is not within from and until, so no request would ever be picked",
        "error:nth=3,until=2 ~ nth is not within from and until, so no request would ever be picked",
        "error:from=3,until=2 ~ nothing is between from and until, so no request would ever be picked",
        "error:from=1s,until=1s ~ nothing is between from and until, so no request would ever be picked",
        "error:until=0s ~ until=0s is over at the start, so no request would ever be picked",
        "corrupt:op=flush+discard ~ kind=flip acts only on read and write, and op leaves that out",
        "corrupt:kind=lost,op=read ~ kind=lost acts only on write, and op leaves that out",
        "check:op=write ~ check acts only on read, and op leaves that out",
        "retry:op=flush ~ retry acts only on read, write, discard and write_zeroes, and op leaves that out",
        "readonly:op=read+flush ~ readonly acts only on write, discard and write_zeroes, and op leaves that out",
        "error:range=x-1K ~ range=x is not a size",
        "error:from=1.5 ~ from=1.5 is neither a number of requests nor a time with its unit, as 10s or 500ms",
        "error:sticky=yes ~ sticky=yes is neither on nor off",
        "error:heal ~ heal is of use only with list or sticky",
        "error:, ~ unknown key ''",
        "delay ~ time=TIME is missing, as in time=10ms",
        "delay:time=soon ~ time=soon is not a time: seconds, or a number with s or ms",
        "delay:time=1ms,turn=1ms ~ turn is of use only with shape=seek",
        "delay:time=1ms,shape=seek,spread=1ms ~ spread is of no use with shape=seek; turn is",
        "retry:times=0 ~ times=0 must be at least 1",
        "retry:errno=EOI ~ errno=EOI is none of EIO, ENOSPC, ETIMEDOUT, EREMOTEIO; did you mean 'EIO'?",
        "record:/nowhere/a,b.log ~ unknown key 'b.log'; there is only file",
        "record:/nowhere/disk.log,stcky ~ unknown key 'stcky'; there is only file",
        "record:file=/nowhere/a,b ~ unknown key 'b'; there is only file",
        "record:/nowhere/a,file=b ~ 'file' is given twice",
        "record:/nowhere/a,op=write ~ op is of no use, as a record takes all requests",
        "cow:ovl ~ unknown key 'ovl'; there is only file",
        "cow:fyle=x ~ unknown key 'fyle'; there is only file; did you mean 'file'?",
        "cow:when=/nowhere ~ when is of no use, as an overlay takes all requests",
        "stall ~ nothing would ever release a request; add when=PATH, release=PATH or for=TIME",
        "rate ~ bytes=SIZE or requests=N is missing, as in bytes=1M",
        "rate:bytes=0 ~ bytes=0 would let nothing through"})
    void a_mistake_names_the_filter_the_key_and_what_is_allowed(String filter, String message) {
        devices.add(0);
        String words = misuse("run", "sz=1M", "mem", "--filter", filter);
        assertTrue(words.startsWith("run: --filter " + filter.replaceFirst(":.*", "") + ": "), words);
        assertTrue(words.contains(message), words);
        assertEquals("", succeed("list"), "nothing was set up");
    }

    /** The help of the command has neither the keys of filters nor those of a setup. */
    @Test
    void who_tells_more_about_keys_is_named() throws Exception {
        devices.add(0).setUp(1 << 20);
        String filters = "abusectl-filter(8) tells more about filters and their keys.";
        String setup = "Try 'abusectl setup --help' for more information.";
        assertEquals(filters, misuseLines("run", "sz=1M", "mem", "--filter", "error:frob").get(1));
        assertEquals(filters, misuseLines("server", "0", "mem", "--filter", "frob").get(1));
        assertEquals(filters, misuseLines("server", "0", "mem", "--filter", "error", "--shared", "--filter", "error:nth=x").get(1));
        assertEquals(List.of("run: unknown key 'foo'", setup), misuseLines("run", "foo=1", "mem"));
        assertEquals(List.of("setup: unknown key 'foo'", setup), misuseLines("setup", "foo=1"));
        Path list = Files.writeString(directory.resolve("list"), "0 mem --filter error:frob\n");
        assertEquals(filters, misuseLines("server", "--all", list.toString()).get(1));
        Files.writeString(list, "0 mem setup=foo=1\n");
        assertEquals(List.of("server: " + list + ":1: unknown key 'foo'", setup), misuseLines("server", "--all", list.toString()));
        var server = start("server", "0", "mem", "--control").awaitReady();
        assertEquals(filters, misuseLines("filter", "0", "add", "error:frob").get(1));
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', value = {
        "run sz=64M mem --filter error:op=write nth=3 ~ unexpected argument 'nth=3'; did you mean 'error:op=write,nth=3'?",
        "run sz=64M mem --filter=error op=write nth=3 ~ unexpected argument 'op=write'; did you mean 'error:op=write,nth=3'?",
        "run mem --filter error nth=3 ~ unexpected argument 'nth=3'; did you mean 'error:nth=3'?",
        "run --filter error nth=3 mem ~ unexpected argument 'nth=3'; did you mean 'error:nth=3'?",
        "server 0 --filter error nth=3 ~ unexpected argument 'nth=3'; did you mean 'error:nth=3'?",
        "run mem --filter error sz=3M ~ 'sz=3M' belongs before 'mem', which is the backend",
        "run --filter error syze=3M mem ~ unknown key 'syze'; did you mean 'size'?",
        "run sz=1M mem nth=3 ~ unexpected argument 'nth=3'",
        "run sz=1M mem --filter error nht=3 ~ unexpected argument 'nht=3'"})
    void keys_behind_a_blank_are_told_to_be_those_of_the_filter(String words, String message) {
        devices.add(0);
        assertEquals(words.split(" ")[0] + ": " + message, misuse(words.split(" ")));
    }

    @Test
    void a_filter_that_there_is_not_is_told_with_those_that_there_are() {
        devices.add(0);
        String words = misuse("run", "sz=1M", "mem", "--filter", "eror:nth=1");
        assertTrue(words.startsWith("run: 'eror' is not a filter; there are error, readonly, delay, stall, rate"), words);
        assertTrue(words.endsWith("; did you mean 'error'?"), words);
    }

    @ParameterizedTest
    @ValueSource(strings = {"powerfail", "check:fail", "cow"})
    void what_keeps_something_of_the_disk_goes_with_no_other_server(String filter) {
        devices.add(0).setUp(1 << 20);
        assertEquals("server: --filter " + filter.replaceFirst(":.*", "") + ": another server may serve the disk, too, and would not know"
                + " what this filter keeps of it; --shared does not go with it",
                misuse("server", "0", "mem", "--shared", "--filter", "stats", "--filter", filter));
    }

    @ParameterizedTest
    @ValueSource(strings = {"log:file", "stats:file", "corrupt:file", "powerfail:file", "check:file", "cow:file", "error:list", "stall:release", "error:when"})
    void a_file_of_a_filter_is_not_on_the_disk_itself(String key) throws Exception {
        devices.add(0).setUp(1 << 20);
        devices.mount(0, directory.resolve("mnt"));
        Path file = directory.resolve("mnt/file");
        String name = key.replaceFirst(":.*", "");
        String message = key.replaceFirst(":", ": ") + "=" + file + " is on the disk itself, which would wait for its own requests; name a"
                + " file elsewhere";
        assertEquals("server: --filter " + message, misuse("server", "0", "mem", "--filter", key + "=" + file));
        var server = start("server", "0", "mem", "--control").awaitReady();
        assertEquals("filter: " + message, misuse("filter", "0", "add", key + "=" + file));
        succeed("filter", "0", "add", "error:when=/nowhere/file");
        assertEquals("filter: error: when=" + file + " is on the disk itself, which would wait for its own requests; name a file elsewhere",
                misuse("filter", "0", "set", "error", "when=" + file));
        succeed("filter", "0", "set", "error", "op=read , nth=2");
        assertEquals("NAME  KEYS\nerror when=/nowhere/file,op=read,nth=2\n", succeed("filter", "0", "-o", "NAME, KEYS"));
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void run_has_filters_too() throws Exception {
        var disk = devices.add(0);
        var run = start("run", "sz=1M", "mem", "--filter", "error:op=write,nth=1").awaitReady();
        assertEquals("/dev/abuse0\n", run.out());
        assertTrue(disk.write(0, new byte[4096]).await().failed());
        assertFalse(disk.write(0, new byte[4096]).await().failed());
        run.signal();
        Outcome outcome = run.end();
        assertEquals("", outcome.err());
        assertEquals(0, outcome.exitCode());
        assertEquals("", succeed("list"));
    }

    @Test
    void a_disk_that_is_mapped_already_is_refused_and_one_that_could_be_is_not_mapped() throws Exception {
        var disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE, Flag.MAPPABLE);
        try (var device = devices.open("/dev/abctl0")) {
            device.map(new abuse.device.Mapping(0, 4096, "/dev/ram0", 0, true, true));
        }
        assertEquals("/dev/abctl0: parts of the disk are mapped, and requests for these would pass no filter; try 'abusectl unmap"
                + " /dev/abctl0' first", fail("server", "0", "mem", "--filter", "readonly"));
        try (var device = devices.open("/dev/abctl0")) {
            device.unmap(0, 4096);
        }
        var server = start("server", "0", "mem", "--filter", "readonly").awaitReady();
        assertTrue(disk.write(0, new byte[4096]).await().failed());
        server.signal();
        assertEquals(0, server.end().exitCode());
    }
}
