// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.SimulatedDisk;
import abuse.device.SimulatedDisk.Submitted;
import abuse.libc.Unix;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** setup, resize and reset. */
class SetupTest extends CommandTestBase {
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
        assertEquals("/dev/abctl0: Invalid argument; a disk in use can grow, its qs can be lowered, and raised again up to that"
                + " of its setup, and timeout, unserved, orphan, ro, rw and autoremove=off can change; the rest needs a new"
                + " setup, after 'abusectl reset /dev/abctl0'",
                fail("setup", "0", "sz=1M", "reconnect"));
    }

    @Test
    void a_device_is_not_made_for_keys_that_do_not_suit_it() {
        devices.add(0).setUp(1 << 20);
        assertEquals("setup: sz=1000 is not a multiple of the block size, 4096", misuse("setup", "20", "reconnect,sz=1000"));
        assertEquals(1, devices.list().size());
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
        assertEquals("resize: SIZE is missing", misuse("resize"));
        assertEquals("resize: 1X is not a size: bytes, or a number with K, M, G, T, P or E, or with KB, MB and so on for powers of 1000", misuse("resize", "1X"));
        assertEquals("resize: +9223372036854775807 is beyond 2^63 - 1", misuse("resize", "+9223372036854775807"));
        assertEquals("resize: 3000000 is not a multiple of the block size, 512", misuse("resize", "3000000"));
        assertEquals("resize: unexpected argument 'x'", misuse("resize", "0", "1M", "x"));
    }

    @Test
    void setup_of_what_the_kernel_cannot_do_is_explained() {
        devices.add(0);
        assertTrue(fail("setup", "bs=64K").startsWith("/dev/abctl0: Invalid argument; this kernel has no blocks above"
                + " its page size, "));
        assertTrue(succeed("info", "0").contains("not-set-up"));
        // Nothing is changed, so the advice is not that for a change
        assertTrue(fail("setup", "reconnect,bs=64K").startsWith("/dev/abctl0: Invalid argument; this kernel has no blocks"
                + " above its page size, "));
        assertEquals("", succeed("setup", "reconnect,sz=1M"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "setup sz=0|setup: sz=0 must be at least 1",
        "setup 0 frob|setup: unknown key 'frob'",
        "setup frob|setup: unknown key 'frob'",
        "setup 0 1 sz=1M|setup: unknown key '1'; a device comes first, with a space after it",
        "setup 0,sz=1M|setup: unknown key '0'; a device comes first, with a space after it",
        "setup sz=1M /dev/abctl0|setup: unknown key '/dev/abctl0'; a device comes first, with a space after it",
        "setup 0 ro rw|setup: 'ro' and 'rw' exclude each other",
        "setup 0 reconnect sz=5000|setup: sz=5000 is not a multiple of the block size, 4096"})
    void a_wrong_setup_changes_nothing(String words, String message) {
        devices.add(0).setUp(1 << 20);
        String before = succeed("info", "0");
        assertEquals(message, misuse(words.split(" ")));
        assertEquals(before, succeed("info", "0"));
    }

    @Test
    void a_disk_may_be_given_to_somebody() throws Exception {
        devices.add(0);
        assertEquals("there is no user 'nemo'", fail("setup", "--owner", "nemo"));
        assertTrue(succeed("info", "0").contains("not-set-up"));
        assertEquals("", succeed("setup", "--owner", "nobody", "0", "sz=1M"));
        assertEquals(List.of("/dev/abctl0 nobody", "/dev/abuse0 nobody"), devices.gifts());
        assertEquals("", succeed("setup", "reconnect", "--owner=root"));
        assertEquals("/dev/abuse0 root", devices.gifts().get(3));
        succeed("reset");
        devices.refuse("/dev/abuse0", Unix.EPERM);
        assertEquals("/dev/abuse0: Operation not permitted; only root may give it to nobody", fail("setup", "--owner", "nobody"));
        assertTrue(succeed("info", "0").contains("not-set-up"));
    }

    @Test
    void reset_fails_what_waits() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Submitted read = disk.read(0, 4096);
        assertEquals("", succeed("reset"));
        assertTrue(read.await().failed());
    }
}
