// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Device;
import abuse.device.Flag;
import abuse.device.Mapped;
import abuse.device.Mapping;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** --cache on the command line. */
class CacheOptionTest extends CommandTestBase {
    private static final int SIZE = 4 << 20;

    private Path image() throws Exception {
        return Files.write(directory.resolve("image"), pattern(SIZE));
    }

    @Test
    void run_makes_a_disk_that_may_be_mapped_and_tells_what_the_cache_does() throws Exception {
        var disk = devices.add(0);
        disk.carryOutMapped();
        Path image = image();
        var server = start("run", "--cache=1M", "--filter", "delay:time=1ms", "file:" + image).awaitReady();
        assertTrue(succeed("list", "--noheadings", "-o", "FLAGS").contains("mappable"));
        assertTrue(succeed("servers").contains("file:" + image + " through delay, cached in 1M"), succeed("servers"));
        for (int i = 0; i < 2; i++) {
            assertArrayEquals(Arrays.copyOfRange(pattern(SIZE), 1 << 20, (1 << 20) + 4096), disk.read(1 << 20, 4096).await().data());
        }
        assertFalse(disk.write(1 << 20, new byte[4096]).await().failed());
        assertArrayEquals(new byte[4096], disk.read(1 << 20, 4096).await().data());
        disk.count(new Mapped(2, 0, 8192, 0, 1, 0, 1));
        server.ask();
        assertEquals("abusectl: /dev/abctl0: cache in memory: 1 of 16 pieces of 64 KiB; 1 missed, 1 filled, 0 evicted, 0 mapped again,"
                + " 0 dropped; 2 reads of 8K by the kernel\n", server.err());
        server.signal();
        assertEquals(0, server.end().exitCode());
        assertArrayEquals(new byte[4096], Arrays.copyOfRange(Files.readAllBytes(image), 1 << 20, (1 << 20) + 4096));
    }

    @Test
    void a_disk_must_be_set_up_for_it() throws Exception {
        devices.add(0).setUp(SIZE);
        assertEquals("/dev/abctl0: was set up without 'mappable', so no cache can be used; set it up with 'mappable' after 'abusectl reset"
                + " /dev/abctl0', or leave out --cache", fail("server", "--cache=1M", "mem"));
        devices.add(1).setUp(SIZE, Flag.MAPPABLE);
        try (Device device = devices.open("/dev/abctl1")) {
            device.map(new Mapping(0, 4096, "/dev/sda", 0, true, false));
        }
        assertEquals("/dev/abctl1: parts of the disk are mapped already, and a cache must know of all; try 'abusectl unmap /dev/abctl1'"
                + " first", fail("server", "--cache=1M", "1", "mem"));
    }

    @Test
    void a_device_that_cannot_be_used_is_told_and_the_disk_is_served() throws Exception {
        var disk = devices.add(0).setUp(SIZE, Flag.MAPPABLE);
        var server = start("server", "--cache=" + directory + "/none", "file:" + image()).awaitReady();
        assertEquals("abusectl: /dev/abctl0: cache " + directory + "/none: No such file or directory; the disk goes on without it\n",
                server.err());
        assertArrayEquals(Arrays.copyOf(pattern(SIZE), 4096), disk.read(0, 4096).await().data());
        server.ask();
        assertTrue(server.err().endsWith(": cache " + directory + "/none: was given up; 0 reads of 0B by the kernel\n"), server.err());
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void what_makes_no_cache_is_refused() throws Exception {
        devices.add(0).setUp(SIZE, Flag.MAPPABLE);
        Path image = image();
        assertEquals("--cache=" + image + " is not a block device; for a file, 'losetup -f --show " + image + "' makes one of it",
                refusal("server", "--cache=" + image, "mem"));
        assertEquals("--cache=/dev/abuse1 is a device of abuse, and a cache must be another one",
                refusal("server", "--cache=/dev/abuse1", "mem"));
        assertEquals("--cache=512K is less than 16 pieces of 64 KiB; add piece=SIZE for smaller ones", refusal("server", "--cache=512K", "mem"));
        assertEquals("--cache=sda is not a size: bytes, or a number with K, M, G, T, P or E, or with KB, MB and so on for powers of 1000", refusal("server", "--cache=sda", "mem"));
        assertEquals("--cache=" + directory + " is a directory, and not a block device", refusal("server", "--cache=" + directory, "mem"));
        assertEquals("--cache=src is not a size; the path of a block device has a /, as in ./src", refusal("server", "--cache=src", "mem"));
        for (String where : new String[] {"1M", "/dev/sda"}) {
            assertEquals("--cache: unknown key 'pieces=64K'; there is only piece=SIZE", refusal("server", "--cache=" + where + ",pieces=64K", "mem"));
        }
        for (String piece : new String[] {"2K", "2M", "12K"}) {
            assertEquals("--cache: piece=" + piece + " is not a power of two from 4K to 1M",
                    refusal("server", "--cache=64M,piece=" + piece, "mem"));
        }
        for (String other : new String[] {"--no-map", "--shared", "--pin", "--control"}) {
            assertEquals("--cache and " + other + " exclude each other", refusal("server", "--cache=64M", other, "mem"));
        }
        var list = Files.writeString(directory.resolve("list"), "0 mem\n");
        assertEquals("with --all, --cache is not supported; serve that disk alone", refusal("server", "--cache=64M", "--all", list.toString()));
    }

    @Test
    void filters_that_change_what_was_read_are_refused() throws Exception {
        devices.add(0).setUp(SIZE, Flag.MAPPABLE);
        for (String filter : new String[] {"cow:file=" + directory.resolve("cow"), "powerfail"}) {
            assertEquals("--filter " + filter.split(":")[0] + ": this filter keeps something of the disk, which it may change later, and a cache"
                    + " would not know; --cache does not go with it", refusal("server", "--cache=1M", "--filter", filter, "mem"));
        }
        environment.put("RUNTIME_DIRECTORY", directory.toString());
        var server = start("server", "--cache=1M", "--filter", "delay:time=1ms", "mem").awaitReady();
        for (String change : new String[] {"set delay time=2ms", "add delay:time=1ms", "remove delay"}) {
            String message = fail(("filter 0 " + change).split(" "));
            assertTrue(message.endsWith("the server has a cache of what passed these filters, so they stay; stop it, and start it with others"),
                    message);
        }
        assertTrue(succeed("filter", "0").contains("time=1ms"));
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    private String refusal(String... args) {
        return misuse(args).substring("server: ".length());
    }
}
