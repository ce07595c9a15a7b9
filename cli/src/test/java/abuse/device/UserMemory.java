// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Copies bytes by address as the kernel does: memory that is not mapped is an error, and does not end the process. */
final class UserMemory {
    private static final int FD = openFile();
    private static final Memory BOUNCE = Memory.map(8 << 20);

    private UserMemory() {}

    static synchronized boolean read(long address, byte[] into) {
        boolean whole = Unix.pwrite(FD, address, into.length, 0) == into.length;
        Unix.pread(FD, BOUNCE.address(), into.length, 0);
        BOUNCE.buffer().get(0, into);
        return whole;
    }

    static synchronized boolean write(long address, byte[] from) {
        BOUNCE.buffer().put(0, from);
        Unix.pwrite(FD, BOUNCE.address(), from.length, 0);
        return Unix.pread(FD, address, from.length, 0) == from.length;
    }

    private static int openFile() {
        try {
            Path path = Files.createTempFile("abuse", null);
            int fd = Unix.open(path.toString(), Unix.O_RDWR | Unix.O_CLOEXEC);
            Files.delete(path);
            return fd;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
