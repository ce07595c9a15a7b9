// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AsyncBackend;
import abuse.device.Batch;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Devices;
import abuse.device.Status;
import java.io.IOException;

/** One of the disks of a {@link MultiServer}, from the time when it is waited for until its end. */
final class Member {
    /** How many requests it takes at a time; its batch then fits into two pages of memory. */
    private static final int ROOM = 32;
    /** The exchanges in a turn; then other disks have theirs. */
    private static final int EXCHANGES = 8;
    /** How many reads of a cold image are under way at once. */
    private static final int FETCHERS = 3;

    final String path;
    final MultiServer.Listener listener;
    private final String text;
    private final boolean shared;
    private final Server.BackendOpener opener;
    private final Problems problems;
    /** Whether it takes the place of one that failed. */
    private final boolean again;
    /** Whether that one was not reset. */
    private final boolean retry;
    /** Whose place it takes; null if nobody's, or once that is closed. */
    private Member before;
    /** It is not looked at before this time of {@link System#nanoTime}. */
    private final long begin;
    private boolean told;
    private boolean toldReady;

    /** The setup that it is opened for; null until there is one. */
    private Status status;
    private Disk disk;
    private Device device;
    private Responder responder;
    private Crew crew;
    private int name;
    /** What serves it if its backend answers later; else null, and a crew does. */
    private LaterDisk later;
    private volatile boolean opening;
    /** It has asked for requests. */
    private volatile boolean asked;
    private volatile boolean ended;
    private volatile boolean closed;
    private volatile Throwable failure;

    Member(String path, String text, boolean shared, Server.BackendOpener opener, MultiServer.Listener listener) {
        this(path, text, shared, opener, listener, null, 0, false);
    }

    private Member(String path, String text, boolean shared, Server.BackendOpener opener, MultiServer.Listener listener,
            Member before, long delay, boolean told) {
        this.before = before;
        again = before != null;
        retry = again && !told;
        begin = System.nanoTime() + delay;
        this.told = told;
        this.path = path;
        this.text = text;
        this.shared = shared;
        this.opener = opener;
        this.listener = listener;
        problems = new Problems(listener, Problems.INTERVAL_NS);
    }

    /**
     * One for the same disk, after this one has failed: it waits until that is set up again if it was reset, or else so many
     * nanoseconds. Null if it was served, as its users may then find other content behind another backend.
     */
    Member next(Throwable reason, long delay) {
        if (AsyncWorker.isReset(reason)) {
            return new Member(path, text, shared, opener, listener, this, 0, true);
        }
        return asked ? null : new Member(path, text, shared, opener, listener, this, delay, false);
    }

    /** Whether it tries anew what has failed. */
    boolean isRetry() {
        return retry;
    }

    /** Whether its device is not set up, as far as is known, or its next try is to come. */
    boolean isWaiting() {
        return status == null;
    }

    /** Whether it failed, and its device is not set up again or it could not be served since. */
    boolean isAbsent() {
        return again && (isWaiting() || retry && !asked);
    }

    /** Whether it is not ready yet: its backend is being opened, which may take for ever, or it has asked for no request. */
    boolean isStarting() {
        return !isWaiting() && !toldReady;
    }

    /** Says once that it is ready, if it is. */
    void tellReady() {
        if (asked && !toldReady) {
            toldReady = true;
            listener.ready(status);
        }
    }

    /** Whether it takes no more turns. */
    boolean isEnded() {
        return ended;
    }

    /** Why it must end; null while all is well. */
    Throwable failure() {
        return failure;
    }

    /**
     * Looks whether the device is set up by now; then it can be opened, but not before whose place it takes is closed, or
     * two of this process would have one image open.
     */
    boolean look(Devices devices) throws IOException {
        if (before != null) {
            if (!before.closed) {
                return false;
            }
            before = null;
        }
        if (System.nanoTime() - begin < 0) {
            return false;
        }
        try (Device look = devices.open(path)) {
            Status now = look.status();
            if (now.isSetUp()) {
                status = now;
                synchronized (this) {
                    opening = true;
                }
                return true;
            }
        } catch (DeviceException | OutOfMemoryError e) {
            if (!told) {
                throw e;
            }
            // The module may be loaded anew, or the machine be out of memory or files for a while
            problems.report(e);
        }
        if (!told) {
            told = true;
            listener.waiting();
        }
        return false;
    }

    /** Says that it will not be opened any more. */
    synchronized void forget() {
        opening = false;
    }

    /** Opens the backend, and begins to serve. If the end came first, it closes what it has opened. */
    void open(MultiServer server) {
        try {
            disk = Disk.open(server.devices, path, text, status, shared, true, opener);
            device = disk.node(Device.ANY_QUEUE);
            disk.map();
            if (disk.backend() instanceof AsyncBackend async) {
                serveLater(server, async);
            } else {
                serveWithCrew(server);
            }
        } catch (Throwable e) {
            failure = e;
        }
        synchronized (this) {
            opening = false;
            if (!ended) {
                server.look();
                return;
            }
        }
        try {
            release();
        } catch (Throwable e) {
            // There is nobody any more who could be told
        }
    }

    private void serveLater(MultiServer server, AsyncBackend async) throws IOException {
        async.tellProblemsTo(problems::change);
        Device node = device;
        async.serveTogetherWith(() -> Disk.isServedByOthers(node, 1));
        later = new LaterDisk(device, disk, async, text, problems, () -> haveAsked(server), e -> fail(server, e));
        // It closes the node
        device = null;
        synchronized (this) {
            if (!ended) {
                later.start();
            }
        }
    }

    private void serveWithCrew(MultiServer server) throws IOException {
        responder = new Responder(device, Math.min(status.queueDepth(), ROOM), status, disk.backend(), disk.size(), problems,
                server.storage, FETCHERS, e -> fail(server, e));
        synchronized (this) {
            crew = ended ? null : server.crewOf(disk);
            if (crew != null) {
                name = crew.add(this);
                crew.begin(name);
            }
        }
    }

    /** Answers what is pending, in one of the crew's threads. It is not told of this disk again until the end of the turn. */
    synchronized void takeTurn(MultiServer server, int thread, Pieces buffer) {
        if (ended) {
            return;
        }
        try {
            if (buffer != null) {
                responder.use(buffer);
            }
            Batch batch = responder.batch().receive();
            responder.receive();
            if (!asked) {
                haveAsked(server);
            }
            for (int i = 1; responder.carryOut(); i++) {
                // The last one only sends answers: the next turn may use another buffer
                if (i >= EXCHANGES) {
                    batch.receiveNothing();
                }
                responder.receive();
            }
            crew.rearm(thread, device, name);
        } catch (Throwable e) {
            fail(server, e);
        }
    }

    private void haveAsked(MultiServer server) {
        asked = true;
        server.look();
    }

    private void fail(MultiServer server, Throwable e) {
        if (failure == null) {
            failure = e;
        }
        server.look();
    }

    /** Gives back to the kernel what is not answered, once what waits for storage is. Does not wait for an open that hangs. */
    void close() throws IOException {
        synchronized (this) {
            ended = true;
            if (opening) {
                return;
            }
        }
        release();
    }

    private void release() throws IOException {
        try {
            if (later != null) {
                later.close();
            }
            if (responder != null) {
                responder.finish();
                responder.close();
            }
            if (device != null) {
                device.close();
            }
            if (disk != null) {
                disk.close();
            }
            problems.summarize();
        } finally {
            closed = true;
        }
    }
}
