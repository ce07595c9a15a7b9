// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Backend;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.Result;
import abuse.device.Status;
import abuse.filter.FilteredBackend;
import abuse.libc.Threads;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A disk that is reset while its NBD server does nothing: nobody waits for that server any more. */
@Timeout(100)
class NbdResetTest extends ServerTestBase {
    /** More than the sockets hold between them. */
    private static final int WRITES = 16;

    private FakeNbdServer server;
    private final CountDownLatch go = new CountDownLatch(1);
    /** Serves many disks. */
    private MultiServer all;
    private Thread thread;

    @BeforeEach
    void startServer() throws Exception {
        server = new FakeNbdServer(directory.resolve("fake"), (int) CAPACITY);
        // It takes a command, and then nothing more
        server.answer = (session, command) -> {
            go.await();
            return false;
        };
    }

    @AfterEach
    void endServer() throws Exception {
        go.countDown();
        for (RunningServer running : servers) {
            running.stop();
        }
        server.close();
    }

    private Backend open(Geometry geometry) throws IOException {
        return new Backends().open(server.uri, Set.of(), geometry);
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            Thread.sleep(5);
        }
    }

    /** Whether a thread is in a method of a class. */
    private static boolean isIn(String thread, String type, String method) {
        return Thread.getAllStackTraces().entrySet().stream().anyMatch(entry -> entry.getKey().getName().equals(thread)
                && Arrays.stream(entry.getValue()).anyMatch(at -> at.getClassName().equals(type) && at.getMethodName().equals(method)));
    }

    private void fillSockets(int queue) {
        for (int i = 0; i < WRITES; i++) {
            disk.submit(Operation.WRITE, 0, 1 << 20, new byte[1 << 20], false, queue);
        }
    }

    private static void assertReset(Throwable e) {
        assertEquals(DeviceException.Reason.NOT_SET_UP, assertInstanceOf(DeviceException.class, e).reason());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void the_end_does_not_wait_for_a_write_to_its_socket(boolean filtered) throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
        var running = serve(geometry -> filtered ? new FilteredBackend(open(geometry), List.of(), geometry,
                OutputStream.nullOutputStream()) : open(geometry));
        fillSockets(0);
        await(() -> isIn("queue 0", "abuse.nbd.Sender", "data"));
        // The other queue waits for the socket, too
        fillSockets(1);
        await(() -> isIn("queue 1", "abuse.nbd.Connection", "send"));
        disk.reset();
        assertReset(running.end());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void the_end_does_not_wait_for_a_server_that_is_looked_for() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var looking = new CountDownLatch(1);
        var running = serve(this::open);
        server.choice = (session, option) -> {
            looking.countDown();
            go.await();
            return false;
        };
        server.sessions.get(0).close();
        var read = disk.read(0, BLOCK);
        looking.await();
        disk.reset();
        assertReset(running.end());
        assertTrue(read.await().failed());
    }

    /** A read by somebody who does something when it fails. */
    private static AsyncRequest read(Runnable onFailure) {
        ByteBuffer data = ByteBuffer.allocateDirect(BLOCK);
        return (AsyncRequest) Proxy.newProxyInstance(AsyncRequest.class.getClassLoader(), new Class<?>[] {AsyncRequest.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "kind" -> AsyncRequest.Kind.READ;
                    case "offset" -> 0L;
                    case "length" -> (long) BLOCK;
                    case "data" -> data;
                    case "deadline" -> Long.MAX_VALUE;
                    case "fail" -> {
                        onFailure.run();
                        yield null;
                    }
                    default -> throw new UnsupportedOperationException(method.getName());
                });
    }

    @Test
    void whoever_is_told_of_a_failure_may_wait_for_another_request() throws Exception {
        var backend = (AsyncBackend) open(new Geometry(0, CAPACITY, 4096, 1 << 20, false));
        var failures = new CountDownLatch(2);
        backend.submit(read(() -> {
            var other = new Thread(() -> {
                try {
                    backend.submit(read(failures::countDown));
                    backend.submitted();
                } catch (IOException e) {
                    // Then nobody counts
                }
            });
            other.start();
            Threads.join(other);
            failures.countDown();
        }));
        backend.submitted();
        backend.abandon();
        failures.await();
        backend.close();
    }

    /** What was told of one disk of many. */
    private static final class Told extends ProblemList implements MultiServer.Listener {
        final Semaphore served = new Semaphore(0);
        final BlockingQueue<Throwable> failures = new LinkedBlockingQueue<>();

        @Override
        public void ready(Status status) {
            served.release();
        }

        @Override
        public void failed(Throwable e, boolean again) {
            failures.add(e);
        }
    }

    /** Serves the disk with others, and runs a test of that. */
    private void withAll(Told told, Executable test) throws Throwable {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        all = new MultiServer(devices);
        all.add("/dev/abctl0", "nbd", false, this::open, told);
        // It keeps the server from its end
        devices.add(1).setUp(CAPACITY);
        all.add("/dev/abctl1", "mem", false, MEM, new Told());
        thread = new Thread(() -> {
            try {
                all.run(() -> {});
            } catch (IOException e) {
                told.failures.add(e);
            }
        });
        thread.start();
        try {
            told.served.acquire();
            test.execute();
        } finally {
            all.stop();
            go.countDown();
            thread.join();
        }
    }

    @Test
    void one_of_many_disks_is_served_again_when_it_is_set_up_again() throws Throwable {
        var told = new Told();
        withAll(told, () -> {
            disk.read(0, BLOCK);
            await(() -> !server.commands.isEmpty());
            disk.reset();
            assertReset(told.failures.take());
            server.answer = (session, command) -> false;
            disk.setUp(CAPACITY, Flag.WRITE_CACHE);
            told.served.acquire();
            assertFalse(disk.read(0, BLOCK).await().failed());
            assertEquals(List.of(), told.problems);
        });
    }

    @Test
    void one_of_many_disks_does_not_keep_the_end_waiting() throws Throwable {
        var told = new Told();
        withAll(told, () -> {
            disk.read(0, BLOCK);
            await(() -> !server.commands.isEmpty());
            all.stop();
            disk.reset();
            thread.join();
        });
        assertEquals(List.of(), told.problems);
    }

    @ParameterizedTest
    @CsvSource({"5, MEDIA_FAILURE", "28, NO_SPACE", "1, REMOTE_FAILURE", "22, REMOTE_FAILURE"})
    void one_of_many_disks_fails_as_its_server_says(int errno, Result result) throws Throwable {
        server.answer = (session, command) -> {
            session.in.readNBytes(command.type() == FakeNbdServer.WRITE ? command.length() : 0);
            session.simple(command.cookie(), errno);
            return true;
        };
        withAll(new Told(), () -> {
            for (var request : List.of(disk.write(0, pattern(1)), disk.flush(), disk.read(0, BLOCK))) {
                assertTrue(request.await().failed());
                assertEquals(result, request.result());
            }
        });
    }
}
