// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Has a file for each disk that is served, named by its number. The service manager makes the folder and removes it, and
 * udev reads no disk that is not in it.
 */
final class ServedFolder {
    private final Path folder;

    /** Does nothing if the folder is null, as without a service manager. */
    ServedFolder(String folder) {
        this.folder = folder == null ? null : Path.of(folder);
    }

    /** Has that control node's disk read from the next event on. */
    void add(String path) {
        change(path, true);
    }

    void remove(String path) {
        change(path, false);
    }

    private void change(String path, boolean there) {
        if (folder == null) {
            return;
        }
        Path file = folder.resolve(Objects.toString(DeviceName.number(path), "none"));
        try {
            Files.deleteIfExists(file);
            if (there) {
                Files.createFile(file);
            }
        } catch (IOException e) {
            // A disk without links is better than none
        }
    }
}
