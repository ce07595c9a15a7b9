// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import jnr.ffi.annotations.Encoding;

/**
 * The calls of the C library that few servers make; {@link Unix} has the others. To bind them takes as long as the
 * start of a server that does without, so nothing here is called before a server's first answer if that can be helped.
 * JNR-POSIX lacks some of them, and binds the others only together with hundreds more, which would cost a server 25 MiB
 * of memory.
 *
 * <p>Public only because JNR implements it; use {@link Unix}.
 */
public interface Libc {
    /** The C library itself. */
    Libc LIBC = NativePart.library(Libc.class);

    int mlockall(int flags);

    int execv(@Encoding("UTF-8") CharSequence path, long arguments);
}
