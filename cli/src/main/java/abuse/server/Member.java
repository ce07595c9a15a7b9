// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.device.Batch;
import abuse.device.Device;
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
    private boolean told;

    private Disk disk;
    private Device device;
    private Responder responder;
    private Crew crew;
    private int name;
    private boolean ended;
    private volatile Throwable failure;

    Member(String path, String text, boolean shared, Server.BackendOpener opener, MultiServer.Listener listener) {
        this.path = path;
        this.text = text;
        this.shared = shared;
        this.opener = opener;
        this.listener = listener;
        problems = new Problems(listener, Problems.INTERVAL_NS);
    }

    boolean isOpen() {
        return disk != null;
    }

    /** Why it must end; null while all is well. */
    Throwable failure() {
        return failure;
    }

    /** Begins to serve if the device is set up by now. */
    void open(MultiServer server) throws IOException {
        Status status;
        try (Device look = server.devices.open(path)) {
            status = look.status();
        }
        if (!status.isSetUp()) {
            if (!told) {
                told = true;
                listener.waiting();
            }
            return;
        }
        disk = Disk.open(server.devices, path, text, status, shared, opener);
        device = disk.node(Device.ANY_QUEUE);
        responder = new Responder(device, Math.min(status.queueDepth(), ROOM), status, disk.backend(), disk.size(), problems,
                server.storage, FETCHERS, e -> fail(server, e));
        crew = server.crewOf(disk);
        listener.ready(status);
        synchronized (this) {
            name = crew.add(this);
            crew.watch(device, name);
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
            for (int i = 1; responder.exchange(); i++) {
                // The last one only sends answers: the next turn may use another buffer
                if (i >= EXCHANGES) {
                    batch.receiveNothing();
                }
            }
            crew.rearm(thread, device, name);
        } catch (Throwable e) {
            fail(server, e);
        }
    }

    private void fail(MultiServer server, Throwable e) {
        if (failure == null) {
            failure = e;
        }
        server.look();
    }

    /** Gives back to the kernel what is not answered, once what waits for storage is. */
    void close() throws IOException {
        synchronized (this) {
            ended = true;
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
    }
}
