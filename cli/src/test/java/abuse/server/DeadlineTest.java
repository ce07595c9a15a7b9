// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.Result;
import org.junit.jupiter.api.Test;

/** Deadlines of requests of a backend that answers later. */
class DeadlineTest extends ServerTestBase {
    private static final long LIMIT_NS = 50_000_000;

    private RunningServer serveLimited(AsyncServerTest.Held backend) throws InterruptedException {
        var running = new RunningServer(devices, "held", geometry -> backend);
        running.server.limitTo(LIMIT_NS);
        return start(running).awaitReady();
    }

    @Test
    void a_write_whose_deadline_passes_while_its_data_is_copied_is_answered() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new AsyncServerTest.Held();
        serveLimited(backend);
        disk.holdFaults(true);
        var write = disk.write(0, pattern(1));
        disk.awaitFaulting(1);
        Thread.sleep(4 * LIMIT_NS / 1_000_000);
        disk.holdFaults(false);
        assertTrue(write.await().failed());
        assertEquals(Result.TIMEOUT, write.result());
        assertEquals(0, disk.owned());
        backend.next().complete();
    }
}
