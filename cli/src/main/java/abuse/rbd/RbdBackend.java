// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.BackendException;
import abuse.backend.Failure;
import abuse.libc.EventCounter;
import abuse.libc.Memory;
import abuse.libc.Threads;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * An image of Ceph, which librbd writes from and reads into the memory of the requests. What it has carried out, one
 * thread learns from an eventfd.
 */
final class RbdBackend implements AsyncBackend {
    /** How long the cluster may take to give back a lock, and how long if nobody waits for requests any more. */
    private static final long CLOSE_MS = 30_000;
    private static final long ABANDONED_MS = 1000;
    /** How many requests are asked for at once that have ended. */
    private static final int ROOM = 64;
    /** What Ceph gives back with a request: its number, and whether this was the flush behind a change. */
    private static final long FLUSH_BEHIND = 1L << 32;

    private final RbdName name;
    private final boolean readOnly;
    private final Librbd rbd;
    private final RbdImage image;
    private final long handle;
    /** Null if the image has none, or is only read. */
    private final ExclusiveLock lock;
    private final String identity;
    private final EventCounter events;
    private final UnderWay underWay = new UnderWay();
    private final Memory completions;
    private final Memory created;
    private final Thread thread = new Thread(this::run, "rbd answers");
    private AsyncRequest.Answers unsent;

    private volatile long size;
    private volatile boolean changed;
    private volatile boolean fenced;
    private volatile boolean abandoned;
    private volatile boolean closed;
    private volatile Consumer<String> administrator = problem -> {};

    /** Opens it, in a thread whose own threads, those of Ceph, do not wait for I/O when they need memory. */
    static RbdBackend open(RbdName name, boolean readOnly) throws IOException {
        if (name.snapshot() != null && !readOnly) {
            throw new IOException(name.text() + ": a snapshot is read-only; set up with ro");
        }
        var opener = new Object() {
            RbdBackend backend;
            Throwable failure;

            void run() {
                Unix.becomeIoFlusher();
                try {
                    backend = new RbdBackend(name, readOnly);
                } catch (Throwable e) {
                    failure = e;
                }
            }
        };
        var thread = new Thread(opener::run, "rbd open");
        thread.setDaemon(true);
        thread.start();
        Threads.join(thread);
        if (opener.failure != null) {
            throw opener.failure instanceof IOException e ? e : new IOException(name.text() + ": " + opener.failure, opener.failure);
        }
        return opener.backend;
    }

    private RbdBackend(RbdName name, boolean readOnly) throws IOException {
        this.name = name;
        this.readOnly = readOnly;
        image = RbdImage.open(name, readOnly);
        completions = Memory.map(ROOM * Long.BYTES);
        created = Memory.map(Long.BYTES);
        EventCounter made = null;
        try {
            rbd = Librbd.get();
            handle = image.handle();
            made = new EventCounter();
            events = made;
            int error = (int) rbd.setImageNotification.call(handle, events.descriptor(), Librbd.EVENTFD);
            if (error < 0) {
                throw new IOException(name.text() + ": " + Unix.strerror(-error));
            }
            identity = "rbd " + image.fsid() + " " + name.pool() + "/" + name.namespace() + "/" + name.image()
                    + (name.snapshot() == null ? "" : "@" + name.snapshot());
            if (!readOnly) {
                // One that is only read is not told of changes
                image.tellChanges(this::change);
            }
            size = image.size();
            lock = readOnly ? null : ExclusiveLock.take(image, name.text());
        } catch (Throwable e) {
            image.close();
            if (made != null) {
                made.close();
            }
            completions.close();
            created.close();
            throw e;
        }
        thread.setDaemon(true);
        thread.start();
    }

    private void change() {
        changed = true;
        events.raise();
    }

    @Override
    public void tellProblemsTo(Consumer<String> listener) {
        administrator = listener;
    }

    /** Ceph itself gives requests up at their end, as nobody else can. */
    @Override
    public void limitTo(long nanoseconds) {
        try {
            image.limitTo(Math.max(1, (nanoseconds + 999_999_999) / 1_000_000_000));
        } catch (IOException e) {
            administrator.accept(e.getMessage());
        }
    }

    @Override
    public void submit(AsyncRequest request) throws IOException {
        if (abandoned) {
            throw new IOException(name.text() + ": the disk is gone");
        }
        // What is cut off is no error for Ceph
        if (request.offset() + request.length() > size) {
            throw new IOException(name.text() + ": the image ends before the disk does");
        }
        int number = underWay.add(request);
        try {
            begin(request, number);
        } catch (Throwable e) {
            underWay.remove(number);
            throw e;
        }
    }

    private void begin(AsyncRequest request, int number) throws IOException {
        if (request.kind() == AsyncRequest.Kind.FLUSH) {
            flush(number);
            return;
        }
        long offset = request.offset();
        long length = request.length();
        long completion = complete(number);
        check(completion, (int) switch (request.kind()) {
            case READ -> rbd.aioRead.call(handle, offset, length, request.address(), completion);
            case WRITE -> rbd.aioWrite.call(handle, offset, length, request.address(), completion);
            case DISCARD -> rbd.aioDiscard.call(handle, offset, length, completion);
            default -> rbd.aioWriteZeroes.call(handle, offset, length, completion,
                    request.mayUnmap() ? 0 : Librbd.THICK_PROVISION, 0);
        });
    }

    private void flush(long what) throws IOException {
        long completion = complete(what);
        check(completion, (int) rbd.aioFlush.call(handle, completion));
    }

    /** What Ceph ends a request with. */
    private synchronized long complete(long what) throws IOException {
        int error = (int) rbd.aioCreateCompletion.call(what, 0, created.address());
        if (error < 0) {
            throw failure(error);
        }
        return created.getLong(0);
    }

    private void check(long completion, int error) throws IOException {
        if (error < 0) {
            rbd.aioRelease.call(completion);
            throw failure(error);
        }
    }

    private BackendException failure(int error) {
        return new BackendException(reason(-error), words(-error));
    }

    private void run() {
        Unix.becomeIoFlusher();
        while (!closed) {
            try {
                events.await();
                endAll();
                if (changed) {
                    resize();
                }
            } catch (Throwable e) {
                report(e);
            }
        }
    }

    private void report(Throwable e) {
        try {
            tell(e instanceof IOException ? e.getMessage() : e.toString());
        } catch (Throwable again) {
            // Most likely there is no memory, and others wait for this thread
        }
    }

    private void endAll() {
        int n;
        do {
            n = (int) rbd.pollIoEvents.call(handle, completions.address(), ROOM);
            for (int i = 0; i < n; i++) {
                try {
                    end(completions.getLong((long) i * Long.BYTES));
                } catch (Throwable e) {
                    report(e);
                }
            }
        } while (n == ROOM);
        send();
    }

    private void end(long completion) {
        long what = rbd.aioGetArg.call(completion);
        long result = rbd.aioGetReturnValue.call(completion);
        rbd.aioRelease.call(completion);
        int number = (int) what;
        AsyncRequest request = underWay.get(number);
        if (result >= 0 && request.kind() == AsyncRequest.Kind.READ && result != request.length()) {
            result = -Unix.EIO;
        }
        if (result >= 0 && request.fua() && what != (number | FLUSH_BEHIND)) {
            try {
                flush(number | FLUSH_BEHIND);
                return;
            } catch (Throwable e) {
                result = -Unix.EIO;
            }
        }
        underWay.remove(number);
        if (result >= 0) {
            AsyncRequest.Answers answers = request.answers();
            if (answers != unsent) {
                send();
                unsent = answers;
            }
            request.completeSoon();
        } else {
            fail(request, (int) -result);
        }
    }

    private void fail(AsyncRequest request, int error) {
        String cause = null;
        try {
            cause = words(error);
        } catch (Throwable e) {
            // The request ends all the same
        }
        request.fail(reason(error), cause);
    }

    private void send() {
        if (unsent != null) {
            unsent.send();
            unsent = null;
        }
    }

    private Failure reason(int error) {
        if (error == Unix.ESHUTDOWN || error == Unix.EROFS) {
            fenced = true;
        }
        Failure failure = Failure.ofErrno(error);
        return failure == Failure.IO && error != Unix.EIO ? Failure.REMOTE : failure;
    }

    private String words(int error) {
        return name.text() + ": " + switch (error) {
            case Unix.ESHUTDOWN -> "the cluster takes nothing from this server any more, because another client has broken its lock"
                    + " of the image; if that was a mistake, start it again";
            case Unix.EROFS -> "another client has the lock of the image; start this server again when it has ended";
            default -> "the cluster answers: " + Unix.strerror(error);
        };
    }

    private void tell(String what) {
        administrator.accept(name.text() + ": " + what);
    }

    /** Looks at the size after a change; if that fails, after the next event again. */
    private void resize() throws IOException {
        changed = false;
        long now;
        try {
            now = image.size();
        } catch (IOException e) {
            changed = true;
            throw e;
        }
        long before = size;
        size = now;
        if (now != before) {
            tell("the image has " + now + " bytes now, and had " + before + (now > before
                    ? "; 'abusectl resize' makes the disk as large" : "; what is beyond its end fails"));
        }
    }

    @Override
    public void abandon() {
        abandoned = true;
    }

    @Override
    public long size() {
        return size & -512;
    }

    @Override
    public void grow(long capacity) throws IOException {
        long now = image.size();
        if (now < capacity) {
            throw new IOException(name.text() + ": the disk has become larger, so the image must have " + capacity + " bytes, too");
        }
        size = now;
    }

    /** Two that write would take the lock from each other. */
    @Override
    public String identity() {
        return readOnly ? identity : null;
    }

    /** A server that only reads has no lock that somebody could break. */
    @Override
    public boolean isFenced() throws IOException {
        if (!fenced && lock != null) {
            synchronized (image) {
                if (!closed && !lock.isHeld()) {
                    fenced = true;
                }
            }
        }
        return fenced;
    }

    @Override
    public void close() {
        var closer = new Thread(this::closeAll, "rbd close");
        closer.setDaemon(true);
        closer.start();
        if (!Threads.join(closer, abandoned ? ABANDONED_MS : CLOSE_MS)) {
            tell("the cluster does not answer, so the image was not closed");
        }
    }

    /** Waits for the cluster, for ever if need be. */
    private void closeAll() {
        underWay.awaitNone();
        synchronized (image) {
            // Nobody asks about the lock any more
            closed = true;
        }
        events.raise();
        Threads.join(thread);
        image.close();
        if (lock != null) {
            lock.close();
        }
        events.close();
        completions.close();
        created.close();
    }
}
