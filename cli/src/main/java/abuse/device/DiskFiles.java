// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Mounts;
import abuse.libc.Mounts.Mount;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Finds whether a file lies on a disk, as far as this process can see, without a request to that disk, which may wait. */
final class DiskFiles {
    /** As many as the kernel follows. */
    private static final int MOST_LINKS = 40;

    private DiskFiles() {}

    /**
     * Whether the file, which need not be there, lies on the disk or is the disk itself. What is mounted from a device
     * that lies on the disk counts, too, unless that is a loop device.
     *
     * @param root where /proc, /sys and the file are
     */
    static boolean hold(Path root, String disk, Path file) {
        DiskNames names = new DiskNames(root, disk).withHolders();
        List<Mount> mounts = Mounts.all(root);
        Path path = file.toAbsolutePath().normalize();
        for (int links = 0; links < MOST_LINKS; links++) {
            Mount mount = mountOf(path, mounts);
            if (mount != null && names.isSourceOf(mount)) {
                return true;
            }
            Path link = firstLink(root, path, mount == null ? Path.of("/") : Path.of(mount.point()));
            if (link == null) {
                return names.hasNumber(deviceNumber(within(root, path)));
            }
            path = link.resolveSibling(DiskNames.target(within(root, link))).resolve(link.relativize(path)).normalize();
        }
        return false;
    }

    /** The mount that a path without links lies in; of several at one place the last one. */
    private static Mount mountOf(Path path, List<Mount> mounts) {
        Mount found = null;
        for (Mount mount : mounts) {
            if (path.startsWith(mount.point()) && (found == null || mount.point().length() >= found.point().length())) {
                found = mount;
            }
        }
        return found;
    }

    /** The first link on the way to a path, behind the place where its filesystem is mounted; null if there is none. */
    private static Path firstLink(Path root, Path path, Path point) {
        for (int i = point.getNameCount() + 1; i <= path.getNameCount(); i++) {
            Path part = Path.of("/").resolve(path.subpath(0, i));
            if (Files.isSymbolicLink(within(root, part))) {
                return part;
            }
        }
        return null;
    }

    private static Path within(Path root, Path path) {
        return root.resolve(Path.of("/").relativize(path));
    }

    /** The number of a block device, as in 8:1; of any other file one that no device has. */
    private static String deviceNumber(Path file) {
        try {
            return DiskNode.isBlockDevice((int) Files.getAttribute(file, "unix:mode"))
                    ? Unix.deviceNumber((long) Files.getAttribute(file, "unix:rdev")) : "";
        } catch (IOException e) {
            return "";
        }
    }
}
