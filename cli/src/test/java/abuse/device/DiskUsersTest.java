// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Looks at a folder instead of a machine. */
class DiskUsersTest {
    @TempDir
    private Path root;

    private void write(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.write(path, text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private void open(int process, String name, String file) throws IOException {
        write("proc/" + process + "/comm", name + "\n");
        Path descriptors = Files.createDirectories(root.resolve("proc/" + process + "/fd"));
        Files.createSymbolicLink(descriptors.resolve("0"), Path.of("pipe:[5]"));
        Files.createSymbolicLink(descriptors.resolve("3"), Path.of(file));
    }

    @BeforeEach
    void there_are_two_disks() throws IOException {
        write("sys/block/abuse0/dev", "60:0\n");
        write("sys/block/abuse0/abuse0p2/dev", "259:1\n");
        write("sys/block/abuse0/power/control", "");
        write("sys/block/abuse1/dev", "60:1\n");
        write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/abuse10 partition 8 0 -2\n");
        write("proc/self/mountinfo", "21 1 0:20 / / rw - tmpfs tmpfs rw\n22 21 60:1 / /other rw shared:1 - ext4 /dev/abuse1 rw\n");
        open(5, "dd", "/dev/abuse1");
    }

    private List<String> users() {
        return DiskUsers.find(root, "abuse0");
    }

    @Test
    void nobody_is_found_where_nobody_is() {
        assertEquals(List.of(), users());
        assertEquals(List.of("mounted on /other"), DiskUsers.find(root, "abuse1"));
    }

    @Test
    void mounts_of_the_disk_and_its_partitions_are_found() throws IOException {
        write("proc/self/mountinfo", "22 21 60:0 / /mnt rw - ext4 /dev/abuse0 rw\n"
                + "23 21 259:1 / /with\\040blank\\134 rw shared:7 master:1 - xfs /dev/abuse0p2 rw\n"
                + "24 21 0:40 /sub /btrfs rw - btrfs /dev/abuse0p2 rw\n"
                + "25 21 0:41 / /not-utf8-\u00fc\u001b rw - btrfs /dev/abuse0 rw\n\n");
        assertEquals(List.of("mounted on /mnt", "mounted on /with blank\\", "mounted on /btrfs",
                "mounted on /not-utf8-\ufffd?"), users());
    }

    @Test
    void swap_and_other_devices_are_found() throws IOException {
        write("proc/swaps", "Filename\n/dev/abuse0p2                          partition\t1\t0\t-2\n");
        Files.createDirectories(root.resolve("sys/block/abuse0/holders/dm-3"));
        Files.createDirectories(root.resolve("sys/block/abuse0/abuse0p2/holders/md0"));
        write("sys/block/dm-3/dm/name", "vg-data\n");
        assertEquals(List.of("used as swap", "held by dm-3 (vg-data)", "held by md0"), users());
    }

    @Test
    void processes_are_found_when_nothing_else_is() throws IOException {
        open(7, "fio", "/dev/abuse0");
        assertEquals(List.of("open in process 7 (fio)"), users());
        for (int i = 10; i < 20; i++) {
            open(i, "cat", "/dev/abuse0p2");
        }
        assertEquals(3, users().size());
        write("proc/swaps", "/dev/abuse0 partition\n");
        assertEquals(List.of("used as swap"), users());
    }
}
