// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.libc.Unix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which device run takes, and whether the path that it prints is the disk's. */
@Timeout(600)
class FreeDeviceTest {
    private static final String PLAIN_FILE = "this is not a block device; remove it, and try again";

    private final Commands commands = new Commands();

    private String disks() {
        return commands.succeed("list", "--noheadings", "-o", "DISK");
    }

    @Test
    void a_path_that_is_not_the_disks_is_told_and_the_disk_taken_away() {
        commands.devices.add(0).spoilNode(PLAIN_FILE, Integer.MAX_VALUE);
        assertEquals("/dev/abuse0: " + PLAIN_FILE, commands.fail("run", "mem"));
        assertEquals("", disks());
    }

    @Test
    void a_node_may_take_its_time() throws Exception {
        commands.devices.add(0).spoilNode(PLAIN_FILE, 3);
        var run = commands.start("run", "mem").awaitReady();
        assertEquals("/dev/abuse0\n", run.out());
        run.signal();
        assertEquals(0, run.end().exitCode());
    }

    @Test
    void devices_of_others_are_passed_over() throws Exception {
        commands.devices.refuse("/dev/abctl0", Unix.EACCES);
        commands.devices.refuse("/dev/abctl1", Unix.ENXIO);
        commands.devices.add(2).setUp(1 << 20);
        commands.devices.add(3);
        var run = commands.start("run", "mem").awaitReady();
        assertEquals("/dev/abuse3\n", run.out());
        run.signal();
        assertEquals(0, run.end().exitCode());
    }

    @Test
    void that_none_may_be_used_is_told_with_the_reason() {
        commands.devices.refuse("/dev/abctl0", Unix.EACCES);
        commands.devices.refuse("/dev/abctl1", Unix.EACCES);
        assertEquals("/dev/abctl0: Permission denied; only root and the owner of the node may; try sudo, or change"
                + " the owner with chown", commands.fail("run", "mem"));
        commands.devices.add(2).setUp(1 << 20);
        commands.devices.limit(3, Unix.EPERM);
        assertEquals("no device is free: 1 is set up, 2 cannot be used, such as /dev/abctl0: Permission denied;"
                + " 'abusectl reset' frees one, and root can make more", commands.fail("run", "mem"));
        commands.devices.limit(3, Unix.ENOENT);
        assertEquals("no device is free: 1 is set up, 2 cannot be used, such as /dev/abctl0: Permission denied;"
                + " 'abusectl reset' frees one, and others have no node in this /dev, such as /dev/abctl0",
                commands.fail("run", "mem"));
    }

    @Test
    void a_device_cgroup_is_told_from_the_mode_of_a_node() {
        commands.devices.refuse("/dev/abctl0", Unix.EPERM);
        assertEquals("/dev/abctl0: Operation not permitted; the device cgroup of this container or service forbids it; allow"
                + " the node there, for 'rw'", commands.fail("info", "0"));
    }

    @Test
    void another_device_is_made_when_all_are_taken() throws Exception {
        commands.devices.add(0).setUp(1 << 20);
        commands.devices.add(1).setUp(1 << 20);
        var run = commands.start("run", "mem").awaitReady();
        assertEquals("/dev/abuse2\n", run.out());
        run.signal();
        assertEquals(0, run.end().exitCode());
        commands.succeed("setup", "7", "sz=1M");
        assertEquals("/dev/abuse0\n/dev/abuse1\n/dev/abuse7\n", disks());
        commands.succeed("setup", "9", "reconnect,sz=2M");
        assertEquals("/dev/abuse0\n/dev/abuse1\n/dev/abuse7\n/dev/abuse9\n", disks());
        commands.devices.limit(2, Unix.EPERM);
        assertEquals("/dev/abctl8: No such file or directory; there is no such device; 'abusectl info' lists those"
                + " there are", commands.fail("setup", "8", "sz=1M"));
    }
}
