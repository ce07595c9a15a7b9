// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.device.Devices;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.ListIterator;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Answers the requests of many devices until it is told to stop, each with a backend of its own and two open control
 * nodes. Most share a few threads: those for disks whose bytes the kernel reaches by itself never wait for storage; those of
 * other backends keep only each other waiting; and a backend that answers later has a thread of its own. A server runs once.
 */
public final class MultiServer {
    /** After so many seconds a disk is tried again that could not be served. */
    public static final int RETRY_SECONDS = 10;
    /** How many requests to backends without addresses are carried out at once; as many as keep most storage busy. */
    private static final int BUFFERED_THREADS = 8;
    /** The most threads that wait for the storage of mapped images. */
    private static final int STORAGE_THREADS = 64;
    /** How long to wait for backends that are being opened, before it is said that the others are served. */
    private static final long READY_NS = 10_000_000_000L;

    /** Is told what happens to one device. */
    public interface Listener extends Server.Listener {
        /**
         * It is not served any more, or was not at this try; the others are.
         *
         * @param again whether it is served again, and {@link #ready} called, when its device is set up again if that was reset,
         *     or when a later try succeeds
         */
        void failed(Throwable reason, boolean again);
    }

    final Devices devices;
    private final long retryNs;
    final StorageThreads storage = new StorageThreads("storage", STORAGE_THREADS);
    private final Openers openers = new Openers(this);
    private final List<Member> members = new ArrayList<>();
    /** Give back the requests of disks, each in a thread of its own, as one may wait for its storage for ever. */
    private final ExecutorService closers = Executors.newCachedThreadPool(MultiServer::closer);
    private Crew addressed;
    /** Null until there is such a backend. */
    private Crew buffered;
    private boolean stopping;
    private boolean changed;
    private Throwable failure;

    /** A server without a device yet. */
    public MultiServer(Devices devices) {
        this(devices, TimeUnit.SECONDS.toNanos(RETRY_SECONDS));
    }

    MultiServer(Devices devices, long retryNs) {
        this.devices = devices;
        this.retryNs = retryNs;
    }

    /**
     * Adds a device, before {@link #run}.
     *
     * @param text what is served there, as shown to servers that are refused because of it
     * @param shared whether other servers may serve something else there
     */
    public void add(String path, String text, boolean shared, Server.BackendOpener opener, Listener listener) {
        members.add(new Member(path, text, shared, opener, listener));
    }

    /**
     * Serves until {@link #stop}, or until no device is left; those that are not set up yet are waited for, those that
     * were reset or could not be served only as long as there are others. Then what was taken is answered, and nothing else.
     *
     * @param onReady called once all devices that can be are served, except those whose backend hangs when it is opened
     * @throws IOException when no device can be served for a reason that is none of theirs
     */
    public void run(Runnable onReady) throws IOException {
        int processors = Math.min(Runtime.getRuntime().availableProcessors(), Math.max(1, members.size()));
        addressed = new Crew(this, devices, "disks", processors, false);
        try {
            addressed.start();
            serve(onReady);
        } finally {
            end();
        }
        if (failure instanceof IOException e) {
            throw e;
        }
        if (failure != null) {
            throw new IllegalStateException(failure);
        }
    }

    /** Makes {@link #run} return soon, from any thread. */
    public synchronized void stop() {
        stopping = true;
        notifyAll();
    }

    /** The threads for a disk; null at the end. */
    synchronized Crew crewOf(Disk disk) throws IOException {
        if (stopping) {
            return null;
        }
        if (disk.isAddressed()) {
            return addressed;
        }
        if (buffered == null) {
            var crew = new Crew(this, devices, "buffered disks", BUFFERED_THREADS, true);
            try {
                crew.start();
            } catch (OutOfMemoryError e) {
                crew.stop();
                crew.end();
                crew.close();
                throw e;
            }
            buffered = crew;
        }
        return buffered;
    }

    /** Has the members looked at soon, as one of them has failed. */
    synchronized void look() {
        changed = true;
        notifyAll();
    }

    /** Ends it, as its threads cannot go on. */
    synchronized void fail(Throwable e) {
        failure = failure == null ? e : failure;
        stop();
    }

    private void serve(Runnable onReady) {
        long start = System.nanoTime();
        boolean ready = false;
        while (!isStopping()) {
            boolean waiting = false;
            boolean opening = false;
            for (ListIterator<Member> i = members.listIterator(); i.hasNext() && !isStopping();) {
                Member member = i.next();
                Throwable reason = member.failure();
                if (reason == null) {
                    reason = look(member);
                }
                if (reason != null) {
                    Member next = member.next(reason, retryNs);
                    if (next == null) {
                        i.remove();
                    } else {
                        i.set(next);
                        waiting = true;
                    }
                    member.listener.failed(reason, next != null);
                    closeApart(member);
                } else {
                    waiting |= member.isWaiting();
                    opening |= member.isStarting();
                }
            }
            if (members.stream().allMatch(Member::isAbsent)) {
                return;
            }
            long left = READY_NS - (System.nanoTime() - start);
            if (!ready && (!opening || left <= 0) && !isStopping()) {
                ready = true;
                onReady.run();
            }
            await(waiting ? Server.SETUP_CHECK_MS : opening && !ready ? left / 1_000_000 + 1 : 0);
        }
    }

    private Throwable look(Member member) {
        try {
            if (!member.isWaiting()) {
                member.tellReady();
            } else if (member.look(devices)) {
                openers.call(member);
            }
            return null;
        } catch (Throwable e) {
            return e;
        }
    }

    private static Thread closer(Runnable work) {
        var thread = new Thread(work, "closer");
        thread.setDaemon(true);
        return thread;
    }

    private void closeApart(Member member) {
        try {
            closers.execute(() -> close(member));
        } catch (OutOfMemoryError e) {
            close(member);
        }
    }

    private static void close(Member member) {
        try {
            member.close();
        } catch (Throwable e) {
            member.listener.problem(e instanceof IOException ? e.getMessage() : e.toString());
        }
    }

    private synchronized boolean isStopping() {
        return stopping;
    }

    /** Waits until something has changed, or for some time. */
    private synchronized void await(long milliseconds) {
        try {
            if (!changed && !stopping) {
                wait(milliseconds);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            stopping = true;
        }
        changed = false;
    }

    private void awaitClosers() {
        boolean interrupted = false;
        while (!closers.isTerminated()) {
            try {
                closers.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void end() {
        stop();
        openers.close();
        members.forEach(this::closeApart);
        addressed.stop();
        if (buffered != null) {
            buffered.stop();
        }
        closers.shutdown();
        awaitClosers();
        addressed.end();
        if (buffered != null) {
            buffered.end();
        }
        storage.close();
        addressed.close();
        if (buffered != null) {
            buffered.close();
        }
    }
}
