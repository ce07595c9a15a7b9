// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Mounts;
import abuse.libc.Terminal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Finds who has a disk or one of its partitions open, as far as this process can see. */
final class DiskUsers {
    /** Nobody wants to read about more processes. */
    private static final int PROCESSES = 3;

    private final Path root;
    private final DiskNames names;
    private final List<String> words = new ArrayList<>();

    private DiskUsers(Path root, String disk) {
        this.root = root;
        names = new DiskNames(root, disk);
    }

    /**
     * The users that are found, such as "mounted on /mnt" and "open in process 7 (dd)". Processes are looked at
     * only if nothing else was found.
     *
     * @param root where /proc and /sys are
     */
    static List<String> find(Path root, String disk) {
        var users = new DiskUsers(root, disk);
        users.findMounts();
        users.findSwap();
        users.findHolders();
        if (users.words.isEmpty()) {
            users.findProcesses();
        }
        return users.words.stream().map(Terminal::printable).toList();
    }

    private void findMounts() {
        for (Mounts.Mount mount : Mounts.all(root)) {
            if (names.isSourceOf(mount)) {
                words.add("mounted on " + mount.point());
            }
        }
    }

    private void findSwap() {
        for (String line : DiskNames.lines(root.resolve("proc/swaps"))) {
            if (names.hasPath(line.split("\\s+")[0])) {
                words.add("used as swap");
            }
        }
    }

    private void findHolders() {
        for (Path directory : names.directories()) {
            for (Path holder : DiskNames.list(directory.resolve("holders"), "*")) {
                String name = holder.getFileName().toString();
                List<String> mapped = DiskNames.lines(root.resolve("sys/block").resolve(name).resolve("dm/name"));
                words.add("held by " + name + (mapped.isEmpty() ? "" : " (" + mapped.get(0) + ")"));
            }
        }
    }

    private void findProcesses() {
        // This process may have inherited an open disk from the shell
        String self = DiskNames.target(root.resolve("proc/self"));
        for (Path process : DiskNames.list(root.resolve("proc"), "[0-9]*")) {
            if (process.endsWith(self)) {
                continue;
            }
            for (Path file : DiskNames.list(process.resolve("fd"), "*")) {
                if (words.size() < PROCESSES && names.hasPath(DiskNames.target(file))) {
                    words.add("open in process " + process.getFileName() + " (" + String.join("", DiskNames.lines(process.resolve("comm")))
                            + ")");
                    break;
                }
            }
        }
    }
}
