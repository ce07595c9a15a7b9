// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.device.Device;
import abuse.device.Devices;
import abuse.device.Poller;
import abuse.libc.Memory;
import abuse.libc.Threads;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A few threads that serve many disks: each waits until one has requests, answers them, and waits again. */
final class Crew implements AutoCloseable {
    private static final int BLOCK_SIZE = 512;
    /** Has room for the longest request. */
    private static final int BUFFER_SIZE = 2 << 20;

    private final MultiServer server;
    private final Poller poller;
    private final List<Thread> threads = new ArrayList<>();
    /** One for each thread, if these disks need any. */
    private final List<Memory> buffers = new ArrayList<>();
    /** Replaced as a whole, so that threads need no lock to look into it. */
    private volatile Member[] members = {};

    /**
     * Starts no thread yet.
     *
     * @param buffered whether the backends of these disks have no addresses
     */
    Crew(MultiServer server, Devices devices, String name, int size, boolean buffered) throws IOException {
        this.server = server;
        poller = devices.poller(size);
        try {
            for (int i = 0; i < size; i++) {
                int number = i;
                Pieces buffer = buffered ? buffer() : null;
                threads.add(new Thread(() -> run(number, buffer), name + " " + i));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    void start() {
        threads.forEach(Thread::start);
    }

    /** Adds a disk, and returns the name that the crew has for it, which may be that of a disk that has ended. */
    synchronized int add(Member member) {
        int name = 0;
        while (name < members.length && !members[name].isEnded()) {
            name++;
        }
        var after = Arrays.copyOf(members, Math.max(members.length, name + 1));
        after[name] = member;
        members = after;
        return name;
    }

    /**
     * Gives a disk its first turn; the end of each one watches it. Members are opened in several threads, and a poller is
     * told of one at a time, and of none while it ends.
     */
    synchronized void begin(int name) throws IOException {
        poller.add(name);
    }

    void rearm(int thread, Device device, int name) throws IOException {
        poller.rearm(thread, device, name);
    }

    /** Lets no turn begin any more. */
    synchronized void stop() {
        poller.end();
    }

    /** Returns when no turn is under way, after a stop. */
    void end() {
        Threads.join(threads, server::stop);
    }

    /** After the end, and the end of all members. */
    @Override
    public void close() {
        poller.close();
        buffers.forEach(Memory::close);
    }

    private Pieces buffer() {
        Memory memory = Memory.map(BUFFER_SIZE);
        buffers.add(memory);
        return new Pieces(memory, BLOCK_SIZE, BUFFER_SIZE);
    }

    private void run(int thread, Pieces buffer) {
        try {
            // As a worker does
            Unix.becomeIoFlusher();
            for (int name = poller.next(thread); name != Poller.END; name = poller.next(thread)) {
                members[name].takeTurn(server, thread, buffer);
            }
        } catch (Throwable e) {
            server.fail(e);
        }
    }
}
