// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Looks for files in a folder instead of a machine. */
class DiskFilesTest {
    @TempDir
    private Path root;

    private void write(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }

    @BeforeEach
    void there_is_a_disk_with_a_partition_and_a_volume() throws IOException {
        write("sys/block/abuse0/dev", "60:0\n");
        write("sys/block/abuse0/abuse0p2/dev", "259:1\n");
        write("sys/block/abuse0/abuse0p2/holders/dm-3", "");
        write("sys/block/dm-3/dev", "253:3\n");
        write("sys/block/dm-3/holders/dm-4", "");
        write("sys/block/dm-4/dev", "253:4\n");
        write("sys/block/dm-5/dev", "253:5\n");
        write("proc/self/mountinfo", """
                21 1 8:1 / / rw - ext4 /dev/sda1 rw
                22 21 60:0 / /disk rw - ext4 /dev/abuse0 rw
                23 22 8:2 / /disk/other rw - ext4 /dev/sda2 rw
                24 21 259:1 / /with\\040blank rw - xfs /dev/abuse0p2 rw
                25 21 0:40 /sub /btrfs rw - btrfs /dev/abuse0p2 rw
                26 21 253:4 / /volume rw - ext4 /dev/mapper/vg-data rw
                27 21 253:5 / /strange rw - ext4 /dev/mapper/vg-other rw
                28 21 60:0 / /hidden rw - ext4 /dev/abuse0 rw
                29 28 0:50 / /hidden rw - tmpfs tmpfs rw
                """);
    }

    @ParameterizedTest
    @CsvSource({"/log, false", "/disk, true", "/disk/a/log, true", "/disks/log, false", "/disk/other/log, false", "/disk/../log, false",
        "/with blank/log, true", "/btrfs/log, true", "/volume/log, true", "/strange/log, false", "/hidden/log, false"})
    void a_file_is_where_its_filesystem_is_mounted(String file, boolean held) {
        assertEquals(held, DiskFiles.hold(root, "abuse0", Path.of(file)));
    }

    @Test
    void links_are_followed() throws IOException {
        Files.createDirectories(root.resolve("run/a"));
        Files.createSymbolicLink(root.resolve("run/log"), Path.of("/disk/log"));
        Files.createSymbolicLink(root.resolve("run/disk"), Path.of("../disk"));
        Files.createSymbolicLink(root.resolve("run/a/up"), Path.of(".."));
        Files.createSymbolicLink(root.resolve("run/round"), Path.of("round"));
        Files.createSymbolicLink(root.resolve("run/out"), Path.of("/disk/other"));
        for (String file : new String[] {"/run/log", "/run/disk/log", "/run/a/up/log", "/run/a/up/disk/b/log"}) {
            assertEquals(true, DiskFiles.hold(root, "abuse0", Path.of(file)), file);
        }
        for (String file : new String[] {"/run/a/log", "/run/round", "/run/out/log"}) {
            assertEquals(false, DiskFiles.hold(root, "abuse0", Path.of(file)), file);
        }
    }
}
