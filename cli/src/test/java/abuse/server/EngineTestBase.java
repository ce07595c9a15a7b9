// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.RequestFlag;
import abuse.device.SimulatedDisk;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/** What a disk is asked whose bytes are in the hands of others, who come and go. */
abstract class EngineTestBase extends ServerTestBase {
    /** Repeats a request until it does not fail. */
    static byte[] atLast(Supplier<SimulatedDisk.Submitted> request) throws Exception {
        while (true) {
            var answer = request.get().await();
            if (!answer.failed()) {
                return answer.data();
            }
            Thread.sleep(5);
        }
    }

    void use() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE, Flag.DISCARD, Flag.WRITE_ZEROES);
    }

    /** Everything that a disk is asked. */
    void exercise(RunningServer running) throws Exception {
        byte[] large = new byte[1 << 20];
        new Random(1).nextBytes(large);
        assertFalse(disk.write(0, large).await().failed());
        assertArrayEquals(large, disk.read(0, 1 << 20).await().data());
        assertFalse(disk.writeFua(BLOCK, pattern(2)).await().failed());
        assertFalse(disk.flush().await().failed());
        assertArrayEquals(pattern(2), disk.read(BLOCK, BLOCK).await().data());
        assertFalse(disk.submit(Operation.WRITE_ZEROES, 0, 5 * BLOCK, null, false, 0).await().failed());
        assertFalse(disk.submit(Operation.WRITE_ZEROES, 5 * BLOCK, 5 * BLOCK, null, Set.of(RequestFlag.NOUNMAP, RequestFlag.FUA), 0)
                .await().failed());
        assertArrayEquals(new byte[10 * BLOCK], disk.read(0, 10 * BLOCK).await().data());
        assertFalse(disk.submit(Operation.DISCARD, 0, CAPACITY / 2, null, false, 0).await().failed());
        load(5);
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }

    /** Writes and reads in random order, all blocks at once. */
    void load(int rounds) throws Exception {
        var random = new Random(rounds);
        int[] seeds = new int[BLOCKS];
        for (int round = 0; round < rounds; round++) {
            var all = new ArrayList<SimulatedDisk.Submitted>();
            for (int i = 0; i < BLOCKS; i++) {
                seeds[i] = random.nextInt();
                all.add(disk.write((long) i * BLOCK, pattern(seeds[i])));
            }
            var flush = disk.flush();
            for (var write : all) {
                assertFalse(write.await().failed());
            }
            flush.await();
            all.clear();
            for (int i = 0; i < BLOCKS; i++) {
                all.add(disk.read((long) i * BLOCK, BLOCK));
            }
            for (int i = 0; i < BLOCKS; i++) {
                assertArrayEquals(pattern(seeds[i]), all.get(i).await().data(), "block " + i);
            }
        }
    }

    /** Something that happens to those others. */
    interface Event {
        void happen() throws Exception;
    }

    /** Uses the disk while something happens, in this thread, and after that. */
    void loadDuring(Event event) throws Exception {
        var failure = new AtomicReference<Throwable>();
        var ended = new AtomicBoolean();
        var user = new Thread(() -> {
            try {
                while (!ended.get()) {
                    load(2);
                }
                load(2);
            } catch (Throwable e) {
                failure.set(e);
            }
        });
        user.start();
        try {
            event.happen();
        } finally {
            ended.set(true);
            user.join();
        }
        assertNull(failure.get());
    }
}
