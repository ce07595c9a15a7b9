// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Backend;
import abuse.backend.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Who may close a disk, how often, and who waits until it is gone. */
class DiskCloseTest extends DiskTestBase {
    private final AtomicReference<Disk> disk = new AtomicReference<>();
    private final CompletableFuture<String> closed = new CompletableFuture<>();

    /** Closes it in a call from one of its threads. */
    private void closeHere() {
        try {
            disk.get().close();
            closed.complete("closed");
        } catch (DiskException | RuntimeException e) {
            closed.complete(e.toString());
        }
    }

    private void awaitGone() throws Exception {
        assertEquals("closed", closed.get());
        disk.get().close();
        assertFalse(isSetUp(devices, 0));
        assertEquals(0, kernel.openNodes());
    }

    private static class Broken implements Backend {
        @Override
        public void read(long offset, ByteBuffer into) throws IOException {
            throw new IOException("store: broken");
        }

        @Override
        public void write(long offset, ByteBuffer from) {}
    }

    @Test
    void a_listener_may_close_it_because_of_a_problem() throws Exception {
        disk.set(builder().backend(new Broken()).listener(problem -> {
            problems.add(problem);
            closeHere();
        }).start(devices));
        assertTrue(kernel.read(0, BLOCK).await().failed());
        awaitGone();
        assertEquals(List.of("/dev/abuse0: store: broken"), problems);
    }

    @Test
    void a_listener_may_close_it_in_a_thread_of_the_backend() throws Exception {
        disk.set(builder().backend(new AsyncBackend() {
            private final AtomicReference<Thread> last = new AtomicReference<>();

            @Override
            public void submit(AsyncRequest request) {
                var thread = new Thread(() -> request.fail(Failure.IO, "store: broken"));
                last.set(thread);
                thread.start();
            }

            @Override
            public void close() throws IOException {
                try {
                    last.get().join();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
        }).listener(problem -> closeHere()).start(devices));
        assertTrue(kernel.read(0, BLOCK).await().failed());
        awaitGone();
    }

    @Test
    void its_backend_may_close_it() throws Exception {
        disk.set(builder().backend(new Broken() {
            @Override
            public void read(long offset, ByteBuffer into) {
                closeHere();
                into.position(into.limit());
            }
        }).start(devices));
        kernel.read(0, BLOCK).await();
        awaitGone();
    }

    @Test
    void a_backend_that_answers_later_may_close_it() throws Exception {
        disk.set(builder().backend(new AsyncBackend() {
            @Override
            public void submit(AsyncRequest request) {
                closeHere();
                request.complete();
            }

            @Override
            public void close() {}
        }).start(devices));
        kernel.read(0, BLOCK).await();
        awaitGone();
    }

    @Test
    void the_listener_is_told_what_went_wrong_if_nobody_waits() throws Exception {
        disk.set(builder().backend(new Broken()).listener(problem -> {
            problems.add(problem);
            closeHere();
        }).start(devices));
        kernel.use("mounted on /mnt");
        assertTrue(kernel.read(0, BLOCK).await().failed());
        awaitGone();
        kernel.release();
        assertEquals(List.of("/dev/abuse0: store: broken", "/dev/abuse0: in use, mounted on /mnt; it was taken away all the same"), problems);
    }

    @Test
    void each_close_returns_when_it_is_gone() throws Exception {
        var called = new CountDownLatch(1);
        var end = new CountDownLatch(1);
        disk.set(builder().backend(new Broken() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                called.countDown();
                try {
                    end.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
        }).start(devices));
        kernel.read(0, BLOCK);
        called.await();
        var closers = List.of(new Thread(this::closeHere), new Thread(this::closeHere));
        closers.forEach(Thread::start);
        // The disk goes at once, and its backend when it can
        while (isSetUp(devices, 0)) {
            Thread.sleep(1);
        }
        for (Thread closer : closers) {
            closer.join(100);
            assertTrue(closer.isAlive());
        }
        end.countDown();
        for (Thread closer : closers) {
            closer.join();
        }
        awaitGone();
    }

    @Test
    void only_the_first_close_throws() throws Exception {
        disk.set(builder().start(devices));
        kernel.use("mounted on /mnt");
        assertThrows(DiskException.class, disk.get()::close);
        closeHere();
        awaitGone();
        kernel.release();
    }
}
