// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Several threads wait for many descriptors, as epoll(7) does it. A descriptor that can be read, or hung up, is told to
 * one of them, and then to nobody until it is watched again. Waiting allocates nothing.
 */
public final class Epoll implements AutoCloseable {
    /** What {@link #next} returns at the end. */
    public static final int END = -1;

    static final int EPOLL_CLOEXEC = 0x80000;
    static final int EPOLL_CTL_ADD = 1;
    static final int EPOLL_CTL_MOD = 3;
    static final int EPOLLIN = 1;
    static final int EPOLLONESHOT = 1 << 30;

    /** In place of a descriptor's name: there is something in the pipe. */
    private static final int PIPE = -2;

    /** struct epoll_event, which only x86-64 packs. */
    static final class EpollEvent {
        static final int EVENTS = 0;
        static final int DATA = Architecture.named(System.getProperty("os.arch")).epollData();
        static final int SIZE_OF = DATA + Long.BYTES;

        private EpollEvent() {}
    }

    private static final NativeFunction CREATE = new NativeFunction("epoll_create1", 1);
    private static final NativeFunction CONTROL = new NativeFunction("epoll_ctl", 4);
    private static final NativeFunction WAIT = new NativeFunction("epoll_wait", 4);
    private static final NativeFunction PIPE2 = new NativeFunction("pipe2", 2);
    private static final NativeFunction WRITE = new NativeFunction("write", 3);

    private final int fd;
    /** Brings the names of descriptors that were added, one to each thread that reads; it is closed at the end. */
    private final int reader;
    private int writer;
    /** An event for each thread, and room for a name for whoever adds descriptors. */
    private final Memory memory;
    private final ByteBuffer events;
    private final int adder;

    /**
     * Watches nothing yet.
     *
     * @param threads how many wait, each with a number of its own, 0 and up
     */
    public Epoll(int threads) throws IOException {
        adder = threads;
        memory = Memory.map((threads + 1L) * EpollEvent.SIZE_OF);
        events = memory.buffer();
        fd = (int) CREATE.call(EPOLL_CLOEXEC);
        boolean piped = fd >= 0 && PIPE2.call(memory.address(), Unix.O_CLOEXEC | Unix.O_NONBLOCK) == 0;
        reader = piped ? events.getInt(0) : -1;
        writer = piped ? events.getInt(Integer.BYTES) : -1;
        try {
            check(reader);
            check(control(EPOLL_CTL_ADD, adder, reader, EPOLLIN, PIPE));
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    /**
     * Has {@link #next} return the name of one more descriptor at once, with or without a reason: a number, 0 and up. It is
     * watched from the first {@link #rearm} on. One thread at a time.
     */
    public void add(int name) throws IOException {
        int at = adder * EpollEvent.SIZE_OF;
        events.putLong(at, name);
        check((int) WRITE.call(writer, memory.address() + at, Long.BYTES));
    }

    /** Watches a descriptor, for the first time or again. */
    public void rearm(int thread, int descriptor, int name) throws IOException {
        if (control(EPOLL_CTL_MOD, thread, descriptor, EPOLLIN | EPOLLONESHOT, name) < 0) {
            if (Unix.errno() != Unix.ENOENT) {
                throw failure();
            }
            check(control(EPOLL_CTL_ADD, thread, descriptor, EPOLLIN | EPOLLONESHOT, name));
        }
    }

    /** Waits until there is something to do for a descriptor, and returns its name; or {@link #END}. */
    public int next(int thread) throws IOException {
        int at = thread * EpollEvent.SIZE_OF;
        while (true) {
            if (WAIT.call(fd, memory.address() + at, 1, -1) == 1) {
                int name = (int) events.getLong(at + EpollEvent.DATA);
                if (name != PIPE) {
                    return name;
                }
                long bytes = Unix.read(reader, memory.address() + at, Long.BYTES);
                if (bytes >= 0) {
                    return bytes == 0 ? END : (int) events.getLong(at);
                }
                if (Unix.errno() == Unix.EAGAIN) {
                    // Another thread was faster
                    continue;
                }
            }
            if (Unix.errno() != Unix.EINTR) {
                throw failure();
            }
        }
    }

    /** Makes {@link #next} return {@link #END} in all threads; not while {@link #add} is called, which fails from now on. */
    public void end() {
        int last = writer;
        writer = -1;
        Unix.close(last);
    }

    @Override
    public void close() {
        Unix.close(fd);
        Unix.close(reader);
        Unix.close(writer);
        memory.close();
    }

    private int control(int operation, int thread, int descriptor, int wanted, int name) {
        int at = thread * EpollEvent.SIZE_OF;
        events.putInt(at + EpollEvent.EVENTS, wanted).putLong(at + EpollEvent.DATA, name);
        return (int) CONTROL.call(fd, operation, descriptor, memory.address() + at);
    }

    private static void check(int result) throws IOException {
        if (result < 0) {
            throw failure();
        }
    }

    private static IOException failure() {
        return new IOException("epoll: " + Unix.strerror(Unix.errno()));
    }
}
