// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import abuse.device.Config;
import abuse.device.ControlNode;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Devices;
import abuse.device.Flag;
import abuse.device.FreeDevice;
import abuse.device.Removal;
import abuse.device.Serving;
import abuse.device.Status;
import abuse.libc.Threads;
import abuse.server.Server;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A block device that threads of this program serve, until it is closed or the program ends, in whatever way:
 *
 * <pre>{@code
 * try (Disk disk = Disk.builder().size(64 << 20).backend(myBackend).start()) {
 *     // disk.path() is there, and answers
 * }
 * }</pre>
 *
 * <p>The {@linkplain abuse.disk package} tells which threads there are, and what they may do. The kernel module must be
 * loaded, and the program must be allowed to open its control nodes.
 */
public final class Disk implements AutoCloseable {
    private final Devices devices;
    private final Device device;
    private final Status status;
    private final DiskListener listener;
    /** Null if it is not recorded. */
    private final Recording recording;
    private final Server server;
    private final Thread thread;

    private boolean ready;
    private boolean closing;
    /** Nobody serves any more. */
    private boolean ended;
    private DiskException failure;
    /** Takes it away; null before the first close. */
    private Thread closer;
    /** The closer's. */
    private DiskException closeFailure;
    /** Threads that are in a call of the listener. */
    private final Set<Thread> tellers = ConcurrentHashMap.newKeySet();

    private Disk(Devices devices, Device device, String text, DiskBuilder.Opener opener, Recording recording, DiskListener listener)
            throws DeviceException {
        this.devices = devices;
        this.device = device;
        this.listener = listener;
        this.recording = recording;
        DiskBuilder.Opener all = recording == null ? opener : geometry -> recording.open(opener.open(geometry), geometry);
        status = device.status();
        server = new Server(devices, device.path(), text, all::open, new Server.Listener() {
            @Override
            public void waiting() {
                // It is set up, or was reset since, which the server finds out
            }

            @Override
            public void ready(Status now) {
                becomeReady();
            }

            @Override
            public void problem(String message) {
                tell(() -> listener.problem(path() + ": " + message));
            }
        });
        thread = new Thread(this::run, "disk " + status.number());
        // Those that it starts are daemons, too
        thread.setDaemon(true);
    }

    /** A disk that is not made yet. */
    public static DiskBuilder builder() {
        return new DiskBuilder();
    }

    /**
     * Returns if this program may use devices of this machine, whether or not one is free.
     *
     * @throws DiskException when it may not, or the kernel module is not loaded
     */
    public static void checkAvailable() throws DiskException {
        try {
            FreeDevice.checkAvailable(ControlNode.ALL);
        } catch (IOException e) {
            throw DiskException.of(e, ControlNode.ALL);
        }
    }

    static Disk start(Devices devices, Config config, String text, DiskBuilder.Opener opener, Recording recording, DiskListener listener)
            throws DiskException {
        Device device = null;
        Disk disk = null;
        try {
            device = FreeDevice.setUp(devices, config);
            // From now on the open node belongs to this disk, and to no later one
            device.serve(new Serving(Device.ANY_QUEUE, null, text));
            FreeDevice.awaitNode(device, () -> false);
            disk = new Disk(devices, device, text, opener, recording, listener);
            disk.awaitReady(config.flags().contains(Flag.PARTSCAN));
            return disk;
        } catch (IOException | InterruptedException | RuntimeException | Error e) {
            if (device != null) {
                // The disk goes with it
                device.close();
            }
            if (e instanceof InterruptedException) {
                Thread.currentThread().interrupt();
                throw new DiskException("interrupted before the disk was ready", e);
            }
            if (disk != null) {
                Threads.join(disk.thread);
            }
            throw DiskException.of(e, devices);
        }
    }

    /** The block device, such as /dev/abuse0. */
    public Path path() {
        return Path.of(status.disk());
    }

    /** Bytes of the disk. */
    public long size() {
        return status.capacity();
    }

    /**
     * Puts a mark behind all requests that have been answered so far, by which {@link CrashStates#fromMark} finds this moment again.
     *
     * @param text up to 4039 bytes of UTF-8 if blocks have 4096 bytes, and as many less as they are smaller
     * @throws IllegalStateException when the disk is not {@linkplain DiskBuilder#recorded recorded}
     * @throws IOException when the text is too long, the disk is closed, or its record could not be written
     */
    public void mark(String text) throws IOException {
        recording().mark(text);
    }

    Recording recording() {
        if (recording == null) {
            throw new IllegalStateException(path() + " is not recorded; call recorded() of its builder, or write @TempDisk(recorded = true)");
        }
        return recording;
    }

    /**
     * Waits for the end of the disk, in a program that does nothing but serve it.
     *
     * @throws DiskException when it ended though nobody has closed it
     */
    public synchronized void awaitEnd() throws DiskException, InterruptedException {
        while (!ended) {
            wait();
        }
        if (failure != null) {
            throw failure;
        }
    }

    /**
     * Takes the disk away, and returns when the backend is closed. Calls of the backend that are under way are waited for.
     * If the disk is still in use after two seconds, it is taken away all the same: its users get I/O errors.
     *
     * <p>Any thread may call it, any number of times; each call returns when the disk is gone, and only the first one throws.
     * A call by a thread that the end waits for, such as in a method of the backend or of the listener, does not wait; then
     * the listener is told what is to be thrown.
     *
     * @throws DiskException when it was in use, which the message tells
     */
    @Override
    public void close() throws DiskException {
        boolean waits = !isOwnThread();
        boolean first;
        Thread end;
        synchronized (this) {
            first = closer == null;
            if (first) {
                var starting = new Thread(() -> end(!waits), thread.getName() + " closer");
                starting.setDaemon(true);
                starting.start();
                closer = starting;
                closing = true;
            }
            end = closer;
        }
        if (waits) {
            Threads.join(end);
            if (first && closeFailure != null) {
                throw closeFailure;
            }
        }
    }

    /** Whether the end of the disk waits for the calling thread. */
    private boolean isOwnThread() {
        Thread caller = Thread.currentThread();
        return caller == thread || tellers.contains(caller) || server.isOwnThread();
    }

    /** Returns when nothing is left of it. */
    private void end(boolean tell) {
        try {
            String lost = takeAway();
            if (lost != null) {
                closeFailure = new DiskException(lost + "; it was taken away all the same", null);
            }
        } catch (Throwable e) {
            closeFailure = DiskException.of(e, devices);
        }
        // The server holds requests only until the disk is taken away
        server.stop();
        Threads.join(thread);
        device.close();
        if (tell && closeFailure != null) {
            tell(() -> listener.problem(closeFailure.getMessage()));
        }
    }

    /** Calls the listener, which may close the disk. */
    private void tell(Runnable call) {
        Thread caller = Thread.currentThread();
        boolean outermost = tellers.add(caller);
        try {
            call.run();
        } finally {
            if (outermost) {
                tellers.remove(caller);
            }
        }
    }

    /** What is in use and how; null if nothing is. */
    private String takeAway() throws DeviceException {
        var removal = new Removal(devices, device);
        while (!removal.isGone() && !removal.tryOnce()) {
            if (removal.isRefused()) {
                String words = removal.words();
                device.reset();
                return words;
            }
            try {
                Thread.sleep(Removal.PERIOD_MS);
            } catch (InterruptedException e) {
                // Nobody interrupts this thread
            }
        }
        return null;
    }

    private void awaitReady(boolean scanned) throws IOException, InterruptedException {
        thread.start();
        try {
            boolean served;
            synchronized (this) {
                while (!ready && !ended) {
                    wait();
                }
                served = ready;
            }
            if (!served) {
                // Nothing is left of it then
                Threads.join(thread);
                throw failure;
            }
            if (scanned) {
                FreeDevice.awaitScan(device);
            }
        } catch (Throwable e) {
            synchronized (this) {
                closing = true;
            }
            server.stop();
            throw e;
        }
    }

    private synchronized void becomeReady() {
        ready = true;
        notifyAll();
    }

    private void run() {
        DiskException reason = null;
        try {
            server.run();
        } catch (Throwable e) {
            reason = reason(e);
        }
        boolean tell;
        synchronized (this) {
            if (closing) {
                reason = null;
            } else {
                failure = reason != null ? reason : new DiskException(device.path() + ": its server was interrupted", null);
            }
            tell = failure != null && ready;
            ended = true;
            notifyAll();
        }
        if (tell) {
            removeUnserved();
            tell(() -> listener.ended(failure));
        }
    }

    private DiskException reason(Throwable e) {
        if (e instanceof DeviceException refusal && refusal.reason() == DeviceException.Reason.NOT_SET_UP) {
            return new DiskException(device.path() + ": " + e.getMessage() + "; somebody has reset it", e);
        }
        return DiskException.of(e, devices);
    }

    /** Nobody may wait for a disk that is not served any more. */
    private void removeUnserved() {
        try {
            if (!new Removal(devices, device).isGone()) {
                device.reset();
            }
        } catch (DeviceException e) {
            tell(() -> listener.problem(device.path() + ": " + e.getMessage()));
        }
    }
}
