// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import java.io.IOException;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A file on a web server, which can be read only. */
final class HttpBackend implements AsyncBackend {
    /** Each needs a connection. */
    private static final int UNDER_WAY = 16;
    private static final long LOOK_MS = 5000;

    private final WebFile file;
    private final Version version;
    private final Set<Fetch> fetches = ConcurrentHashMap.newKeySet();
    private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1, HttpBackend::timerThread);
    private volatile URI place;
    private volatile boolean over;
    private volatile boolean lost;
    private volatile Consumer<String> administrator = problem -> {};

    HttpBackend(WebFile file, Version version) {
        this.file = file;
        this.version = version;
        place = file.uri();
        timer.scheduleWithFixedDelay(this::lookForStalls, LOOK_MS, LOOK_MS, TimeUnit.MILLISECONDS);
    }

    private static Thread timerThread(Runnable work) {
        var thread = new Thread(work, "http timer");
        thread.setDaemon(true);
        return thread;
    }

    private void lookForStalls() {
        try {
            long now = System.nanoTime();
            fetches.forEach(fetch -> fetch.hurry(now));
        } catch (Throwable e) {
            // It would not be called any more
            tell(e.toString());
        }
    }

    WebFile file() {
        return file;
    }

    Version version() {
        return version;
    }

    /** Where the file was last. */
    URI place() {
        return place;
    }

    void isAt(URI now) {
        place = now;
    }

    boolean isOver() {
        return over;
    }

    void later(Runnable work, long milliseconds) {
        try {
            timer.schedule(work, milliseconds, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // It is over
        }
    }

    void ended(Fetch fetch) {
        fetches.remove(fetch);
    }

    /** The server did not answer a request, not even when it was asked again. */
    void lost(String cause) {
        boolean first;
        synchronized (this) {
            first = !lost;
            lost = true;
        }
        if (first && !over) {
            tell(cause + "; requests wait until it is better");
        }
    }

    /** The server has answered. */
    void found() {
        if (!lost) {
            return;
        }
        boolean first;
        synchronized (this) {
            first = lost;
            lost = false;
        }
        if (first) {
            tell("the server answers again");
        }
    }

    private void tell(String what) {
        administrator.accept(file.text() + ": " + what);
    }

    @Override
    public void tellProblemsTo(Consumer<String> listener) {
        administrator = listener;
    }

    @Override
    public void submit(AsyncRequest request) throws IOException {
        switch (request.kind()) {
            case READ -> {
                var fetch = new Fetch(this, request);
                fetches.add(fetch);
                fetch.attempt();
                if (over) {
                    fetch.giveUp(Failure.IO);
                }
            }
            case FLUSH -> request.complete();
            default -> throw new IOException(file.text() + ": is read-only");
        }
    }

    @Override
    public int mostUnderWay() {
        return UNDER_WAY;
    }

    @Override
    public void expired(AsyncRequest request) {
        long now = System.nanoTime();
        fetches.forEach(fetch -> fetch.expire(now));
    }

    @Override
    public void abandon() {
        over = true;
        fetches.forEach(fetch -> fetch.giveUp(Failure.IO));
    }

    @Override
    public long size() {
        return version.size();
    }

    @Override
    public String identity() {
        return "http " + file.uri() + " " + version.identity();
    }

    /** Only a strong tag is another one after every change. */
    @Override
    public String stamp() {
        return version.isStrong() ? version.identity() : null;
    }

    @Override
    public void close() {
        abandon();
        timer.shutdownNow();
    }
}
