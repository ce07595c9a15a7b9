// SPDX-License-Identifier: Apache-2.0
package abuse.crash;

import abuse.libc.Mounts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** A temporary folder, with what others may have left in it. */
public final class Tree {
    private Tree() {}

    /**
     * Deletes a folder and all that is in it.
     *
     * @param kept what stays, as the folder itself must then
     * @throws IOException before anything is deleted, if something is mounted there, whose files are not the folder's
     */
    public static void delete(Path folder, Set<Path> kept) throws IOException {
        String real = folder.toRealPath().toString();
        List<Mounts.Mount> mounts = Mounts.all(Path.of("/"));
        if (mounts.isEmpty()) {
            throw new IOException("/proc/self/mountinfo: cannot be read, so it is not known what is mounted in " + real + "; delete that");
        }
        for (Mounts.Mount mount : mounts) {
            if ((mount.point() + "/").startsWith(real + "/")) {
                throw new IOException(mount.point() + ": is still mounted; unmount it, and delete " + real);
            }
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                if (!kept.contains(file)) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }
}
