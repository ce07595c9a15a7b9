// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.device.Flag;
import abuse.device.SimulatedDisk.Submitted;
import abuse.device.Status;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ThreadFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** When a server says that it is ready: others see then that it serves, and it has answered nothing yet. */
class ReadyTest extends ServerTestBase {
    private static final int QUEUES = 2;
    /** Begin long after they were started. */
    private static final ThreadFactory LATE = work -> new Thread(() -> {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        work.run();
    });

    private int seen = -1;

    static Stream<Named<Server.BackendOpener>> backends() {
        return Stream.of(Named.of("mem", MEM), Named.of("plug-in", geometry -> new ModelBackend()),
                Named.of("later", geometry -> new AsyncServerTest.Later()));
    }

    @ParameterizedTest
    @MethodSource("backends")
    void all_of_its_threads_serve(Server.BackendOpener opener) throws Exception {
        disk.setUp(CAPACITY, QUEUES, Flag.WRITE_CACHE);
        start(new RunningServer(devices, "late", opener, LATE) {
            @Override
            public void ready(Status status) {
                seen = countServers();
                super.ready(status);
            }
        }).awaitReady();
        assertEquals(QUEUES, seen);
        assertFalse(disk.read(0, BLOCK).await().failed());
    }

    @Test
    void it_does_not_wait_for_the_first_answer() throws Exception {
        disk.setUp(CAPACITY);
        var gate = new Gate();
        Submitted read = disk.read(0, BLOCK);
        var running = serve(new ModelBackend() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                gate.pass();
                super.read(offset, into);
            }
        });
        gate.awaitReached();
        assertFalse(read.isAnswered());
        gate.open();
        assertFalse(read.await().failed());
        assertNull(running.stop());
    }
}
