// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Terminal;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Finds who has a disk or one of its partitions open, as far as this process can see. */
final class DiskUsers {
    /** Nobody wants to read about more processes. */
    private static final int PROCESSES = 3;

    private final Path root;
    private final Path block;
    private final Set<String> paths = new TreeSet<>();
    private final Set<String> numbers = new TreeSet<>();
    private final List<Path> directories = new ArrayList<>();
    private final List<String> words = new ArrayList<>();

    private DiskUsers(Path root, String disk) {
        this.root = root;
        block = root.resolve("sys/block");
        add(block.resolve(disk));
        for (Path partition : list(block.resolve(disk), disk + "p*")) {
            add(partition);
        }
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

    private void add(Path directory) {
        directories.add(directory);
        paths.add("/dev/" + directory.getFileName());
        numbers.addAll(lines(directory.resolve("dev")));
    }

    private void findMounts() {
        for (String line : lines(root.resolve("proc/self/mountinfo"))) {
            String[] sides = line.split(" - ", 2);
            String[] mount = sides[0].split(" ");
            String[] source = sides.length < 2 ? mount : sides[1].split(" ");
            // Some filesystems, such as btrfs, have device numbers of their own
            if (mount.length > 4 && (numbers.contains(mount[2]) || source.length > 1 && paths.contains(source[1]))) {
                words.add("mounted on " + unescape(mount[4]));
            }
        }
    }

    private void findSwap() {
        for (String line : lines(root.resolve("proc/swaps"))) {
            if (paths.contains(line.split("\\s+")[0])) {
                words.add("used as swap");
            }
        }
    }

    private void findHolders() {
        for (Path directory : directories) {
            for (Path holder : list(directory.resolve("holders"), "*")) {
                String name = holder.getFileName().toString();
                List<String> mapped = lines(block.resolve(name).resolve("dm/name"));
                words.add("held by " + name + (mapped.isEmpty() ? "" : " (" + mapped.get(0) + ")"));
            }
        }
    }

    private void findProcesses() {
        // This process may have inherited an open disk from the shell
        String self = target(root.resolve("proc/self"));
        for (Path process : list(root.resolve("proc"), "[0-9]*")) {
            if (process.endsWith(self)) {
                continue;
            }
            for (Path file : list(process.resolve("fd"), "*")) {
                if (words.size() < PROCESSES && paths.contains(target(file))) {
                    words.add("open in process " + process.getFileName() + " (" + String.join("", lines(process.resolve("comm")))
                            + ")");
                    break;
                }
            }
        }
    }

    /** Undoes the escapes of mountinfo, which has a blank and the like as three octal digits. */
    private static String unescape(String text) {
        var plain = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            boolean escape = text.charAt(i) == '\\' && text.substring(i).matches("\\\\[0-7]{3}.*");
            plain.append(escape ? (char) Integer.parseInt(text.substring(i + 1, i + 4), 8) : text.charAt(i));
            i += escape ? 3 : 0;
        }
        return plain.toString();
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return "";
        }
    }

    /** The lines of a file; none if it is missing or may not be read. */
    private static List<String> lines(Path file) {
        try {
            // Names are bytes; those that are not UTF-8 are decoded as far as possible
            return new String(Files.readAllBytes(file), UTF_8).lines().toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private static List<Path> list(Path directory, String pattern) {
        var entries = new ArrayList<Path>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, pattern)) {
            stream.forEach(entries::add);
        } catch (IOException | java.nio.file.DirectoryIteratorException e) {
            // What cannot be listed has no entries
        }
        entries.sort(null);
        return entries;
    }
}
