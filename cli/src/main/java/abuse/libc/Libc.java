// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import jnr.ffi.Pointer;
import jnr.ffi.annotations.Encoding;

/**
 * The calls of the C library. JNR-POSIX lacks some, and has the others only together with hundreds
 * more, for which a server would need 25 MiB of memory. Addresses are
 * plain numbers, so that a call on the I/O path allocates nothing.
 *
 * <p>Public only because JNR implements it; use {@link Unix}.
 */
public interface Libc {
    int open(@Encoding("UTF-8") CharSequence path, int flags);

    int open(@Encoding("UTF-8") CharSequence path, int flags, int mode);

    int close(int fd);

    long pread(int fd, long address, long count, long offset);

    long pwrite(int fd, long address, long count, long offset);

    int fdatasync(int fd);

    int ftruncate(int fd, long length);

    long lseek(int fd, long offset, int whence);

    int ioctl(int fd, long request, long argument);

    int fcntl(int fd, int command, long argument);

    int poll(long fds, long count, int milliseconds);

    /** A Pointer in the signature keeps JNR from its stub generator, which loses a sixth plain number. */
    Pointer mmap(Pointer address, long length, int protection, int flags, int fd, long offset);

    int munmap(long address, long length);

    int madvise(long address, long length, int advice);

    int mlockall(int flags);

    int prctl(int option, long second, long third, long fourth, long fifth);

    int execv(@Encoding("UTF-8") CharSequence path, long arguments);

    int fallocate(int fd, int mode, long offset, long length);

    int socket(int domain, int type, int protocol);

    int connect(int fd, long address, int length);

    long write(int fd, long address, long count);

    int isatty(int fd);

    int getpagesize();

    String strerror(int errno);
}
