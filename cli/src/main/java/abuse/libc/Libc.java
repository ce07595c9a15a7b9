// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import jnr.ffi.annotations.Encoding;

/**
 * The calls of the C library that only servers make; {@link Unix} has the others. JNR-POSIX lacks some of them, and
 * binds the others only together with hundreds more, which would cost a server 25 MiB of memory.
 * Addresses are plain numbers, so that a call on the I/O path allocates nothing.
 *
 * <p>Public only because JNR implements it; use {@link Unix}.
 */
public interface Libc {
    /** The C library itself. */
    Libc LIBC = NativePart.library(Libc.class);

    long pread(int fd, long address, long count, long offset);

    long pwrite(int fd, long address, long count, long offset);

    int fdatasync(int fd);

    int ftruncate(int fd, long length);

    long lseek(int fd, long offset, int whence);

    int fcntl(int fd, int command, long argument);

    int mlockall(int flags);

    int prctl(int option, long second, long third, long fourth, long fifth);

    int execv(@Encoding("UTF-8") CharSequence path, long arguments);

    int fallocate(int fd, int mode, long offset, long length);

    int socket(int domain, int type, int protocol);

    int connect(int fd, long address, int length);

    long write(int fd, long address, long count);
}
