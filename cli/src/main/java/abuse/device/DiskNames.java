// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Mounts;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** What a disk and its partitions are called, as /sys tells. */
final class DiskNames {
    private final Path root;
    private final Path block;
    private final Set<String> paths = new TreeSet<>();
    private final Set<String> numbers = new TreeSet<>();
    private final List<Path> directories = new ArrayList<>();

    /**
     * The names of a disk.
     *
     * @param root where /proc and /sys are
     */
    DiskNames(Path root, String disk) {
        this.root = root;
        block = root.resolve("sys/block");
        add(block.resolve(disk));
        for (Path partition : list(block.resolve(disk), disk + "p*")) {
            add(partition);
        }
    }

    private void add(Path directory) {
        directories.add(directory);
        paths.add("/dev/" + directory.getFileName());
        numbers.addAll(lines(directory.resolve("dev")));
    }

    /** Takes what lies directly on the disk, such as a logical volume, for a part of it; and so on. */
    DiskNames withHolders() {
        // What is added is looked at, too
        for (int i = 0; i < directories.size(); i++) {
            for (Path holder : list(directories.get(i).resolve("holders"), "*")) {
                Path directory = block.resolve(holder.getFileName());
                if (!directories.contains(directory)) {
                    add(directory);
                }
            }
        }
        return this;
    }

    /** The folders of the disk and its partitions in /sys. */
    List<Path> directories() {
        return directories;
    }

    boolean hasPath(String path) {
        return paths.contains(path);
    }

    /** Whether this is the device number of the disk or a partition, as in 8:1. */
    boolean hasNumber(String number) {
        return numbers.contains(number);
    }

    boolean isSourceOf(Mounts.Mount mount) {
        // Some filesystems, such as btrfs, have device numbers of their own
        return hasNumber(mount.number()) || hasPath(mount.source());
    }

    /** The lines of a file; none if it is missing or may not be read. */
    static List<String> lines(Path file) {
        try {
            // Names are bytes; those that are not UTF-8 are decoded as far as possible
            return new String(Files.readAllBytes(file), UTF_8).lines().toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    static List<Path> list(Path directory, String pattern) {
        var entries = new ArrayList<Path>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, pattern)) {
            stream.forEach(entries::add);
        } catch (IOException | java.nio.file.DirectoryIteratorException e) {
            // What cannot be listed has no entries
        }
        entries.sort(null);
        return entries;
    }

    /** Where a link leads; empty for what is none. */
    static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException | UnsupportedOperationException e) {
            return "";
        }
    }
}
