// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.kenai.jffi.LastError;
import com.kenai.jffi.Library;
import com.kenai.jffi.MemoryIO;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The calls of the C library that commands make, its constants on Linux, and its error messages. They go through
 * jffi, the layer below JNR-FFI: binding even a few with JNR-FFI itself takes a one-shot command or the start of a
 * server as long as everything else, and makes no call faster. Addresses are plain numbers, so that a call allocates
 * nothing. After a call that failed, read {@link #errno} at once, in the same
 * thread.
 */
public final class Unix {
    private static final Architecture HERE = Architecture.named(System.getProperty("os.arch"));

    public static final int ENOENT = 2;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int ENXIO = 6;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EPERM = 1;
    public static final int EACCES = 13;
    public static final int EFAULT = 14;
    public static final int ENOTBLK = 15;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int ENODEV = 19;
    public static final int ENOTDIR = 20;
    public static final int EINVAL = 22;
    public static final int ENOTTY = 25;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int ENAMETOOLONG = 36;
    public static final int ENOLCK = 37;
    public static final int ENOSYS = 38;
    public static final int ELOOP = 40;
    public static final int ENOMSG = 42;
    public static final int ETIME = 62;
    public static final int EOPNOTSUPP = 95;
    public static final int ESHUTDOWN = 108;
    public static final int ETIMEDOUT = 110;
    public static final int ECONNREFUSED = 111;
    public static final int EDQUOT = 122;
    public static final int EMEDIUMTYPE = 124;
    public static final int ECANCELED = 125;

    public static final int O_RDONLY = 0;
    public static final int O_RDWR = 2;
    public static final int O_CREAT = 0x40;
    /** Of a block device without O_CREAT: unless somebody else has it for himself, as a mount has. */
    public static final int O_EXCL = 0x80;
    public static final int O_DIRECT = HERE.oDirect();
    public static final int O_NOCTTY = 0x100;
    public static final int O_NONBLOCK = 0x800;
    public static final int O_CLOEXEC = 0x80000;

    public static final int BLKRRPART = HERE.blkRrpart();
    public static final int BLKDISCARD = HERE.blkDiscard();

    public static final int SEEK_END = 2;
    public static final int SEEK_DATA = 3;
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
    static final int F_ADD_SEALS = 1033;
    static final int F_GET_SEALS = 1034;
    static final int F_SEAL_SEAL = 1;
    static final int F_SEAL_SHRINK = 2;

    static final int _SC_PAGESIZE = 30;

    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    static final int MAP_SHARED = 1;
    static final int MAP_PRIVATE = 2;
    static final int MAP_ANONYMOUS = 0x20;
    static final int MAP_NORESERVE = HERE.mapNoReserve();
    static final int MADV_DONTNEED = 4;
    static final int MCL_CURRENT = HERE.mclCurrent();
    static final int MCL_FUTURE = HERE.mclFuture();
    static final int MFD_CLOEXEC = 1;
    static final int MFD_ALLOW_SEALING = 2;
    static final int PR_SET_IO_FLUSHER = 57;
    static final int PR_GET_IO_FLUSHER = 58;

    static final int AF_UNIX = 1;
    static final int SOCK_STREAM = 1;
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

    private static final MemoryIO MEMORY = NativePart.memory();
    static final Library LIBRARY = Library.getCachedInstance("libc.so.6", Library.LAZY);

    private static final NativeFunction OPEN = new NativeFunction("open", 3);
    private static final NativeFunction CLOSE = new NativeFunction("close", 1);
    private static final NativeFunction READ = new NativeFunction("read", 3);
    private static final NativeFunction IOCTL = new NativeFunction("ioctl", 3);
    private static final NativeFunction POLL = new NativeFunction("poll", 3);
    private static final NativeFunction MMAP = new NativeFunction("mmap", 6);
    private static final NativeFunction MUNMAP = new NativeFunction("munmap", 2);
    private static final NativeFunction MADVISE = new NativeFunction("madvise", 3);

    /** What only servers call, so that no other command has to bind it. */
    private static final class OfServers {
        static final NativeFunction PREAD = new NativeFunction("pread", 4);
        static final NativeFunction PWRITE = new NativeFunction("pwrite", 4);
        static final NativeFunction LSEEK = new NativeFunction("lseek", 3);
        static final NativeFunction FDATASYNC = new NativeFunction("fdatasync", 1);
        static final NativeFunction FTRUNCATE = new NativeFunction("ftruncate", 2);
        static final NativeFunction FALLOCATE = new NativeFunction("fallocate", 4);
        static final NativeFunction MEMFD_CREATE = new NativeFunction("memfd_create", 2);
        static final NativeFunction FCNTL = new NativeFunction("fcntl", 3);
        static final NativeFunction PRCTL = new NativeFunction("prctl", 5);
        static final NativeFunction ACCESS = new NativeFunction("access", 2);

        private OfServers() {}
    }

    private Unix() {}

    public static int open(String path, int flags) {
        return open(path, flags, 0);
    }

    /** The mode matters only with O_CREAT. */
    public static int open(String path, int flags, int mode) {
        byte[] name = path.getBytes(UTF_8);
        ByteBuffer terminated = ByteBuffer.allocateDirect(name.length + 1).put(0, name);
        int fd = (int) OPEN.call(MEMORY.getDirectBufferAddress(terminated), flags, mode);
        Reference.reachabilityFence(terminated);
        return fd;
    }

    /** Whether there is a file with the name at an address, which ends with a NUL. */
    public static boolean exists(long path) {
        return OfServers.ACCESS.call(path, 0) == 0;
    }

    public static int close(int fd) {
        return (int) CLOSE.call(fd);
    }

    public static long read(int fd, long address, long count) {
        return READ.call(fd, address, count);
    }

    public static int ioctl(int fd, int request, long argument) {
        return (int) IOCTL.call(fd, request, argument);
    }

    public static long pread(int fd, long address, long count, long offset) {
        return OfServers.PREAD.call(fd, address, count, offset);
    }

    public static long pwrite(int fd, long address, long count, long offset) {
        return OfServers.PWRITE.call(fd, address, count, offset);
    }

    public static long lseek(int fd, long offset, int whence) {
        return OfServers.LSEEK.call(fd, offset, whence);
    }

    public static int fdatasync(int fd) {
        return (int) OfServers.FDATASYNC.call(fd);
    }

    public static int fallocate(int fd, int mode, long offset, long length) {
        return (int) OfServers.FALLOCATE.call(fd, mode, offset, length);
    }

    public static int ftruncate(int fd, long length) {
        return (int) OfServers.FTRUNCATE.call(fd, length);
    }

    /** A new file in memory, which has no name that others could open; this one is for people to read. Returns -1 if it fails. */
    public static int memfd(String name) {
        byte[] text = name.getBytes(UTF_8);
        ByteBuffer terminated = ByteBuffer.allocateDirect(text.length + 1).put(0, text);
        int fd = (int) OfServers.MEMFD_CREATE.call(MEMORY.getDirectBufferAddress(terminated),
                MFD_CLOEXEC | MFD_ALLOW_SEALING);
        Reference.reachabilityFence(terminated);
        return fd;
    }

    /** Seals a file in memory, so that it is never cut. Returns whether it is sealed; its maker may have ruled that out. */
    public static boolean sealLength(int fd) {
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL); // fails if it has the last seal already
        int seals = fcntl(fd, F_GET_SEALS, 0);
        return seals != -1 && (seals & F_SEAL_SHRINK) != 0;
    }

    private static int fcntl(int fd, int command, long argument) {
        return (int) OfServers.FCNTL.call(fd, command, argument);
    }

    private static int prctl(int option, long argument) {
        return (int) OfServers.PRCTL.call(option, argument, 0, 0, 0);
    }

    /** A new socket, or -1. */
    static int socket(int type) {
        NativeFunction socket = new NativeFunction("socket", 3);
        return (int) socket.call(AF_UNIX, type | SOCK_CLOEXEC, 0);
    }

    /** Returns the address of the mapping, or -1. */
    static long mmap(long length, int protection, int flags, int fd, long offset) {
        return MMAP.call(0, length, protection, flags, fd, offset);
    }

    static int munmap(long address, long length) {
        return (int) MUNMAP.call(address, length);
    }

    static int madvise(long address, long length, int advice) {
        return (int) MADVISE.call(address, length, advice);
    }

    /** Whether a descriptor is a terminal. */
    public static boolean isTerminal(int fd) {
        return (int) new NativeFunction("isatty", 1).call(fd) == 1;
    }

    static int pageSize() {
        return (int) new NativeFunction("sysconf", 1).call(_SC_PAGESIZE);
    }

    /** A device number as stat has it, in the form that ls and sysfs use: "8:1". */
    public static String deviceNumber(long number) {
        return (number >>> 8 & 0xfff | number >>> 32 & ~0xfffL) + ":" + (number & 0xff | number >>> 12 & 0xfff00);
    }

    /** The errno of the calling thread's last call. */
    public static int errno() {
        return LastError.getInstance().get();
    }

    /** The C library's message for an errno, such as "No such file or directory". */
    public static String strerror(int errno) {
        long text = new NativeFunction("strerror", 1).call(errno);
        return Memory.textAt(text);
    }

    /**
     * Waits for events on one descriptor.
     *
     * @param milliseconds the longest wait; negative for no limit
     * @return the events that happened, 0 when the time is up, or a negative errno
     */
    public static int poll(int fd, int events, int milliseconds) {
        try (Memory memory = Memory.map(PollFd.SIZE_OF)) {
            var pollFd = memory.buffer();
            pollFd.putInt(PollFd.FD, fd).putShort(PollFd.EVENTS, (short) events);
            int ready = (int) POLL.call(memory.address(), 1, milliseconds);
            if (ready < 0) {
                return -errno();
            }
            return pollFd.getShort(PollFd.REVENTS);
        }
    }

    /**
     * Locks one byte of a file for reading until this open file is closed. The byte may lie beyond the end of the
     * file, and others may lock it, too.
     *
     * @return 0 or a negative errno
     */
    public static int lockForReading(int fd, long position) {
        try (Memory memory = Memory.map(Flock.SIZE_OF)) {
            memory.buffer().putShort(Flock.L_TYPE, F_RDLCK).putLong(Flock.L_START, position).putLong(Flock.L_LEN, 1);
            return fcntl(fd, F_OFD_SETLK, memory.address()) == 0 ? 0 : -errno();
        }
    }

    /**
     * The position of the first lock that another open file has in a range, which must not begin at 0.
     *
     * @return 0 when there is none, or a negative errno
     */
    public static long firstLock(int fd, long start, long length) {
        try (Memory memory = Memory.map(Flock.SIZE_OF)) {
            var lock = memory.buffer().putShort(Flock.L_TYPE, F_WRLCK).putLong(Flock.L_START, start)
                    .putLong(Flock.L_LEN, length);
            if (fcntl(fd, F_OFD_GETLK, memory.address()) < 0) {
                return -errno();
            }
            return lock.getShort(Flock.L_TYPE) == F_UNLCK ? 0 : lock.getLong(Flock.L_START);
        }
    }

    /**
     * Locks all memory of this process into RAM, present and future.
     *
     * @return 0 or a negative errno
     */
    public static int lockMemory() {
        return Libc.LIBC.mlockall(MCL_CURRENT | MCL_FUTURE) == 0 ? 0 : -errno();
    }

    /**
     * Whether the calling thread is an I/O flusher: the kernel does not make such a thread wait for I/O when it needs
     * memory. Threads and programs that it starts inherit this.
     */
    public static boolean isIoFlusher() {
        return prctl(PR_GET_IO_FLUSHER, 0) == 1;
    }

    /**
     * Makes the calling thread an I/O flusher.
     *
     * @return 0 or a negative errno
     */
    public static int becomeIoFlusher() {
        return prctl(PR_SET_IO_FLUSHER, 1) == 0 ? 0 : -errno();
    }

    /**
     * Replaces this process by a program; returns only when that fails.
     *
     * @return a negative errno
     */
    public static int execute(String path, List<String> arguments) {
        try (Memory memory = strings(arguments)) {
            Libc.LIBC.execv(path, memory.address());
            return -errno();
        }
    }

    /** An array of pointers to strings, with a null at its end, and then the strings. */
    static Memory strings(List<String> strings) {
        int bytes = strings.stream().mapToInt(string -> string.getBytes(UTF_8).length + 1).sum();
        int at = (strings.size() + 1) * Long.BYTES;
        Memory memory = Memory.map(at + bytes);
        var buffer = memory.buffer();
        for (int i = 0; i < strings.size(); i++) {
            byte[] string = strings.get(i).getBytes(UTF_8);
            buffer.putLong(i * Long.BYTES, memory.address() + at).put(at, string);
            at += string.length + 1;
        }
        return memory;
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
        int fd = socket(SOCK_DGRAM);
        if (fd < 0) {
            return -errno();
        }
        try (Memory memory = Memory.map(SockaddrUn.SIZE_OF + message.length)) {
            var buffer = memory.buffer();
            buffer.putShort(SockaddrUn.SUN_FAMILY, (short) AF_UNIX);
            buffer.put(SockaddrUn.SUN_PATH, name).put(SockaddrUn.SIZE_OF, message);
            NativeFunction connect = new NativeFunction("connect", 3);
            NativeFunction write = new NativeFunction("write", 3);
            if ((int) connect.call(fd, memory.address(),
                    SockaddrUn.SUN_PATH + name.length) < 0
                    || write.call(fd, memory.address() + SockaddrUn.SIZE_OF,
                            message.length) < 0) {
                return -errno();
            }
            return 0;
        } finally {
            close(fd);
        }
    }

    /**
     * Makes a unix socket that listens.
     *
     * @return its descriptor or a negative errno
     */
    public static int listen(String path) {
        byte[] name = path.getBytes(UTF_8);
        if (name.length == 0 || name.length >= SockaddrUn.SIZE_OF - SockaddrUn.SUN_PATH) {
            return -ENAMETOOLONG;
        }
        int fd = socket(SOCK_STREAM);
        if (fd < 0) {
            return -errno();
        }
        try (Memory memory = Memory.map(SockaddrUn.SIZE_OF)) {
            memory.buffer().putShort(SockaddrUn.SUN_FAMILY, (short) AF_UNIX).put(SockaddrUn.SUN_PATH, name);
            if ((int) new NativeFunction("bind", 3).call(fd, memory.address(), SockaddrUn.SIZE_OF) < 0
                    || (int) new NativeFunction("listen", 2).call(fd, 1024) < 0) {
                int errno = errno();
                close(fd);
                return -errno;
            }
            return fd;
        }
    }
}
