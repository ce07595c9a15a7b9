// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.SimulatedDisk;
import abuse.libc.Unix;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How a disk that is in use is taken away, by reset and by run at its end. */
@Timeout(600)
class EndingTest {
    private static final String MOUNTED = "mounted on /mnt";

    private final Commands commands = new Commands();
    private final SimulatedDisk disk = commands.devices.add(0);

    private boolean isSetUp() {
        return !commands.succeed("list").isEmpty();
    }

    @Test
    void reset_leaves_a_disk_in_use_unless_forced() {
        disk.setUp(1 << 20);
        disk.use(MOUNTED);
        assertEquals("/dev/abuse0: in use, mounted on /mnt; end that first, or add --lazy, which waits for that, or --force,"
                + " which loses unwritten data",
                commands.fail("reset"));
        assertTrue(isSetUp());
        commands.succeed("reset", "--force");
        assertFalse(isSetUp());
    }

    @Test
    void reset_bears_a_moment_of_use() {
        disk.setUp(1 << 20);
        disk.use("open in process 7 (udev-worker)");
        CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS).execute(disk::release);
        commands.succeed("reset");
        assertFalse(isSetUp());
        commands.succeed("reset");
    }

    private Commands.Running run() throws InterruptedException {
        var run = commands.start("run", "sz=1M", "mem").awaitReady();
        assertEquals("/dev/abuse0\n", run.out());
        return run;
    }

    @Test
    void run_takes_a_disk_away_that_nobody_uses() throws Exception {
        var run = run();
        run.signal();
        assertEquals(new Commands.Outcome(0, "/dev/abuse0\n", ""), run.end());
        assertFalse(isSetUp());
        assertEquals(0, disk.openNodes());
    }

    @Test
    void run_serves_a_disk_in_use_until_it_is_free() throws Exception {
        var run = run();
        disk.use(MOUNTED);
        run.signal();
        run.await(() -> !run.err().isEmpty());
        assertEquals("abusectl: /dev/abuse0: in use, mounted on /mnt; it is served until that ends; a second SIGTERM or SIGINT takes"
                + " it away at once, and what is not written yet is lost\n", run.err());
        assertFalse(disk.write(0, new byte[4096]).await().failed());
        assertTrue(run.isRunning());
        disk.release();
        assertEquals(0, run.end().exitCode());
        assertFalse(isSetUp());
        assertEquals(0, disk.openNodes());
    }

    @Test
    void run_obeys_a_second_signal_and_says_what_that_cost() throws Exception {
        var run = run();
        disk.use(MOUNTED);
        run.signal();
        run.await(() -> !run.err().isEmpty());
        run.signal();
        var outcome = run.end();
        assertEquals(1, outcome.exitCode());
        assertEquals("abusectl: /dev/abuse0: in use, mounted on /mnt; it was taken away all the same",
                outcome.err().lines().skip(1).findFirst().orElseThrow());
        assertFalse(isSetUp());
        assertEquals(0, disk.openNodes());
    }

    @Test
    void run_leaves_a_disk_alone_that_somebody_else_made_after_a_reset() throws Exception {
        var run = run();
        disk.use(MOUNTED);
        run.signal();
        run.await(() -> !run.err().isEmpty());
        disk.reset();
        disk.release();
        disk.setUp(4 << 20);
        assertEquals(0, run.end().exitCode());
        assertEquals("SIZE\n  4M\n", commands.succeed("list", "-o", "SIZE"));
    }

    @Test
    void run_that_fails_in_whatever_way_leaves_no_disk() throws Exception {
        var run = run();
        disk.write(0, new byte[4096]).await();
        disk.failNextTransfer(Unix.EFAULT);
        disk.read(0, 4096);
        disk.read(0, 4096);
        assertEquals("/dev/abctl0: Bad address", Commands.error(run.end()));
        assertFalse(isSetUp());

        commands.devices.throwOnOpen(2, new IllegalStateException("no one foresaw this"));
        assertTrue(commands.fail("run", "sz=1M", "mem").startsWith("internal error: "));
        assertFalse(isSetUp());
        assertEquals(0, disk.openNodes());
    }
}
