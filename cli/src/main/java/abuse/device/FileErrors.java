// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** The C library's words for Java's exceptions about files, some of which tell the reason only by their class. */
public final class FileErrors {
    private FileErrors() {}

    /** Why it failed, in words such as "Permission denied". */
    public static String words(IOException e) {
        if (e instanceof NoSuchFileException) {
            return "No such file or directory";
        }
        if (e instanceof AccessDeniedException) {
            return "Permission denied";
        }
        return e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.getMessage();
    }
}
