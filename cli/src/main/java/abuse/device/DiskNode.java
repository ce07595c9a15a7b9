// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Unix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;

/** The paths of disks: if /dev is private or old, there may be something else, or nothing. */
final class DiskNode {
    private static final int TYPE = 0170000;
    private static final int BLOCK_DEVICE = 0060000;

    private DiskNode() {}

    /** The path that a block device should have in /dev; its number, such as 8:1, if the kernel does not know it. */
    static String path(long number) {
        String text = Unix.deviceNumber(number);
        try {
            // In sysfs "!" stands for "/"
            return "/dev/" + Files.readSymbolicLink(Path.of("/sys/dev/block", text)).getFileName().toString().replace('!', '/');
        } catch (IOException e) {
            return text;
        }
    }

    /** Whether this is the mode of a block device, as stat returns it. */
    static boolean isBlockDevice(int mode) {
        return (mode & TYPE) == BLOCK_DEVICE;
    }

    /**
     * Why a path does not lead to a disk; null when it does.
     *
     * @param number the disk's device number, as stat returns it
     */
    static String problem(Path path, long number) {
        Map<String, Object> stat;
        try {
            stat = Files.readAttributes(path, "unix:mode,rdev");
        } catch (NoSuchFileException e) {
            return "the kernel has the disk, but there is no node for it; try where /dev is a devtmpfs, or 'mknod"
                    + " " + path + " b "
                    + Unix.deviceNumber(number).replace(':', ' ') + "' first";
        } catch (IOException e) {
            return "the kernel has the disk, but its node cannot be examined: " + e.getMessage();
        }
        if (!isBlockDevice((int) stat.get("mode"))) {
            return "this is not a block device; remove it, and try again";
        }
        long found = (long) stat.get("rdev");
        return found == number ? null
                : "this is not the disk " + Unix.deviceNumber(number) + ", but the device"
                        + " " + Unix.deviceNumber(found) + "; remove it, and try again";
    }
}
