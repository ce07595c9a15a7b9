// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Devices;
import abuse.device.Status;
import abuse.libc.Unix;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;

/** A server of /dev/abctl0 in a thread of its own. */
class RunningServer extends ProblemList {
    /** Nothing here takes so long unless it hangs. */
    private static final long LIMIT_MS = 100_000;

    final CountDownLatch waiting = new CountDownLatch(1);
    final CountDownLatch ready = new CountDownLatch(1);
    final Server server;
    final Thread thread;
    private volatile Throwable failure;
    private volatile boolean interrupted;
    private volatile boolean ioFlusher;

    RunningServer(Devices devices, String text, Server.BackendOpener opener, ThreadFactory threads) {
        server = new Server(devices, "/dev/abctl0", text, opener, this, threads);
        thread = new Thread(() -> {
            try {
                server.run();
            } catch (Throwable e) {
                failure = e;
            }
            interrupted = Thread.interrupted();
            ioFlusher = Unix.isIoFlusher();
        });
    }

    RunningServer(Devices devices, String text, Server.BackendOpener opener) {
        this(devices, text, opener, Thread::new);
    }

    RunningServer start() {
        thread.start();
        return this;
    }

    RunningServer awaitReady() throws InterruptedException {
        long end = System.nanoTime() + LIMIT_MS * 1_000_000;
        while (ready.getCount() > 0 && thread.isAlive() && System.nanoTime() - end < 0) {
            Thread.sleep(5);
        }
        assertTrue(ready.getCount() == 0, "not ready: " + failure);
        return this;
    }

    /** Why it ended; null if all was well. */
    Throwable end() throws InterruptedException {
        thread.join(LIMIT_MS);
        assertFalse(thread.isAlive(), "the server does not end");
        return failure;
    }

    Throwable stop() throws InterruptedException {
        server.stop();
        return end();
    }

    /** Whether its thread was left interrupted. */
    boolean wasInterrupted() {
        return interrupted;
    }

    /** Whether its thread was left as an I/O flusher. */
    boolean isIoFlusher() {
        return ioFlusher;
    }

    @Override
    public void waiting() {
        waiting.countDown();
    }

    @Override
    public void ready(Status status) {
        ready.countDown();
    }
}
