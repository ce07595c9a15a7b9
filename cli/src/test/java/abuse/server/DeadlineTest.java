// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.Result;
import abuse.device.SimulatedDisk.Submitted;
import abuse.filter.FilteredBackend;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Deadlines of requests of a backend that answers later. */
class DeadlineTest extends ServerTestBase {
    private static final long LIMIT_NS = 1_000_000_000;

    private RunningServer serveLimited(Server.BackendOpener opener) throws InterruptedException {
        var running = new RunningServer(devices, "held", opener);
        running.server.limitTo(LIMIT_NS);
        return start(running).awaitReady();
    }

    @Test
    void a_write_whose_deadline_passes_while_its_data_is_copied_is_answered() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new AsyncServerTest.Held();
        serveLimited(geometry -> backend);
        disk.holdFaults(true);
        var write = disk.write(0, pattern(1));
        disk.awaitFaulting(1);
        Thread.sleep(2 * LIMIT_NS / 1_000_000);
        disk.holdFaults(false);
        assertTrue(write.await().failed());
        assertEquals(Result.TIMEOUT, write.result());
        assertEquals(0, disk.owned());
        backend.next().complete();
    }

    @Test
    void behind_filters_a_backend_that_hangs_keeps_only_as_many_as_it_has_begun() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var gate = new Gate();
        var backend = new ModelBackend() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                gate.pass();
                super.read(offset, into);
            }
        };
        serveLimited(geometry -> new FilteredBackend(backend, List.of(), geometry, OutputStream.nullOutputStream()));
        try {
            var reads = new ArrayList<Submitted>();
            // More than the disk has under way at once
            for (int i = 0; i < 2 * BLOCKS; i++) {
                reads.add(disk.read(0, BLOCK));
            }
            for (Submitted read : reads) {
                assertTrue(read.await().failed());
                assertEquals(Result.TIMEOUT, read.result());
            }
        } finally {
            gate.open();
        }
    }
}
