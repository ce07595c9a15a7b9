// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.List;
import jnr.ffi.LastError;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;

/** The C library, its constants on Linux, and its errors in words. */
public final class Unix {
    public static final int ENOENT = 2;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int ENXIO = 6;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EPERM = 1;
    public static final int EACCES = 13;
    public static final int EFAULT = 14;
    public static final int EBUSY = 16;
    public static final int ENODEV = 19;
    public static final int EINVAL = 22;
    public static final int ENOTTY = 25;
    public static final int ENOMSG = 42;
    public static final int EOPNOTSUPP = 95;

    public static final int O_RDONLY = 0;
    public static final int O_RDWR = 2;
    public static final int O_CREAT = 0x40;
    public static final int O_DIRECT = 0x4000;
    public static final int O_CLOEXEC = 0x80000;

    public static final int SEEK_END = 2;
    public static final int POLLIN = 1;
    public static final int POLLMSG = 0x400;

    public static final int FALLOC_FL_KEEP_SIZE = 1;
    public static final int FALLOC_FL_PUNCH_HOLE = 2;
    public static final int FALLOC_FL_ZERO_RANGE = 16;

    public static final int F_OFD_GETLK = 36;
    public static final int F_OFD_SETLK = 37;
    public static final short F_RDLCK = 0;
    public static final short F_WRLCK = 1;
    public static final short F_UNLCK = 2;

    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    static final int MAP_SHARED = 1;
    static final int MAP_PRIVATE = 2;
    static final int MAP_ANONYMOUS = 0x20;
    static final int MAP_NORESERVE = 0x4000;
    static final int MADV_DONTNEED = 4;
    static final int MCL_CURRENT = 1;
    static final int MCL_FUTURE = 2;
    static final int PR_SET_IO_FLUSHER = 57;
    static final int PR_GET_IO_FLUSHER = 58;

    static final int AF_UNIX = 1;
    static final int SOCK_DGRAM = 2;
    static final int SOCK_CLOEXEC = 0x80000;

    /** struct pollfd. */
    static final class PollFd {
        static final int SIZE_OF = 8;
        static final int FD = 0;
        static final int EVENTS = 4;
        static final int REVENTS = 6;

        private PollFd() {}
    }

    /** struct flock. */
    static final class Flock {
        static final int SIZE_OF = 32;
        static final int L_TYPE = 0;
        static final int L_WHENCE = 2;
        static final int L_START = 8;
        static final int L_LEN = 16;
        static final int L_PID = 24;

        private Flock() {}
    }

    /** struct sockaddr_un. */
    static final class SockaddrUn {
        static final int SIZE_OF = 110;
        static final int SUN_FAMILY = 0;
        static final int SUN_PATH = 2;

        private SockaddrUn() {}
    }

    /** The C library itself. After a failed call ask {@link #errno} at once, in the same thread. */
    public static final Libc LIBC = LibraryLoader.create(Libc.class).load("libc.so.6");

    private static final Runtime RUNTIME = Runtime.getRuntime(LIBC);

    private Unix() {}

    /** The errno of the calling thread's last call. */
    public static int errno() {
        return LastError.getLastError(RUNTIME);
    }

    /** What the C library calls an errno, such as "No such file or directory". */
    public static String words(int errno) {
        return LIBC.strerror(errno);
    }

    /**
     * Waits for events on one descriptor.
     *
     * @param milliseconds how long to wait at most; negative waits for ever
     * @return the events that happened, 0 when the time is over, or a negative errno
     */
    public static int poll(int fd, int events, int milliseconds) {
        try (Memory memory = Memory.map(PollFd.SIZE_OF)) {
            var pollFd = memory.buffer();
            pollFd.putInt(PollFd.FD, fd).putShort(PollFd.EVENTS, (short) events);
            int ready = LIBC.poll(memory.address(), 1, milliseconds);
            if (ready < 0) {
                return -errno();
            }
            return pollFd.getShort(PollFd.REVENTS);
        }
    }

    /**
     * Locks one byte of a file, which need not have it, until this open file is closed. Others may do so, too.
     *
     * @return 0 or a negative errno
     */
    public static int lockForReading(int fd, long position) {
        try (Memory memory = Memory.map(Flock.SIZE_OF)) {
            memory.buffer().putShort(Flock.L_TYPE, F_RDLCK).putLong(Flock.L_START, position).putLong(Flock.L_LEN, 1);
            return LIBC.fcntl(fd, F_OFD_SETLK, memory.address()) == 0 ? 0 : -errno();
        }
    }

    /**
     * Where another open file has the first lock in a range of a file, beyond its first byte.
     *
     * @return 0 when there is none, or a negative errno
     */
    public static long firstLock(int fd, long start, long length) {
        try (Memory memory = Memory.map(Flock.SIZE_OF)) {
            var lock = memory.buffer().putShort(Flock.L_TYPE, F_WRLCK).putLong(Flock.L_START, start)
                    .putLong(Flock.L_LEN, length);
            if (LIBC.fcntl(fd, F_OFD_GETLK, memory.address()) < 0) {
                return -errno();
            }
            return lock.getShort(Flock.L_TYPE) == F_UNLCK ? 0 : lock.getLong(Flock.L_START);
        }
    }

    /**
     * Keeps all memory of this process in the machine's, what it has and what it will have.
     *
     * @return 0 or a negative errno
     */
    public static int lockMemory() {
        return LIBC.mlockall(MCL_CURRENT | MCL_FUTURE) == 0 ? 0 : -errno();
    }

    /**
     * Whether I/O may depend on the calling thread: then the kernel never has it wait for I/O when it
     * needs memory. Threads and programs that it starts are so, too.
     */
    public static boolean isIoFlusher() {
        return LIBC.prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0) == 1;
    }

    /**
     * Makes the calling thread one that I/O depends on.
     *
     * @return 0 or a negative errno
     */
    public static int becomeIoFlusher() {
        return LIBC.prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0 ? 0 : -errno();
    }

    /**
     * Replaces this process by a program; returns only when that fails.
     *
     * @return a negative errno
     */
    public static int execute(String path, List<String> arguments) {
        int bytes = arguments.stream().mapToInt(argument -> argument.getBytes(UTF_8).length + 1).sum();
        int pointers = (arguments.size() + 1) * Long.BYTES;
        try (Memory memory = Memory.map(pointers + bytes)) {
            var buffer = memory.buffer();
            int at = pointers;
            for (int i = 0; i < arguments.size(); i++) {
                byte[] argument = arguments.get(i).getBytes(UTF_8);
                buffer.putLong(i * Long.BYTES, memory.address() + at).put(at, argument);
                at += argument.length + 1;
            }
            LIBC.execv(path, memory.address());
            return -errno();
        }
    }

    /**
     * Sends one datagram to a unix socket.
     *
     * @param path of the socket; a leading '@' stands for the abstract namespace
     * @return 0 or a negative errno
     */
    public static int send(String path, String text) {
        byte[] name = path.getBytes(UTF_8);
        byte[] message = text.getBytes(UTF_8);
        if (name.length == 0 || name.length >= SockaddrUn.SIZE_OF - SockaddrUn.SUN_PATH) {
            return -EINVAL;
        }
        if (name[0] == '@') {
            name[0] = 0;
        }
        int fd = LIBC.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            return -errno();
        }
        try (Memory memory = Memory.map(SockaddrUn.SIZE_OF + message.length)) {
            var buffer = memory.buffer();
            buffer.putShort(SockaddrUn.SUN_FAMILY, (short) AF_UNIX);
            buffer.put(SockaddrUn.SUN_PATH, name).put(SockaddrUn.SIZE_OF, message);
            if (LIBC.connect(fd, memory.address(), SockaddrUn.SUN_PATH + name.length) < 0
                    || LIBC.write(fd, memory.address() + SockaddrUn.SIZE_OF, message.length) < 0) {
                return -errno();
            }
            return 0;
        } finally {
            LIBC.close(fd);
        }
    }
}
