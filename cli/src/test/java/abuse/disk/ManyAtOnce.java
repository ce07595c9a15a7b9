// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Backend;
import abuse.backend.FaultyBackend;
import abuse.backend.HeapBackend;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Reads of which none is answered before all are under way. */
final class ManyAtOnce {
    static final int READS = 100;
    static final int BLOCK = 4096;

    private ManyAtOnce() {}

    /** Reads all blocks at once, and returns how many of them are right: all bytes of a block are its number. */
    static long read(SimulatedDisk disk) {
        var threads = Executors.newFixedThreadPool(READS);
        try {
            var reads = new ArrayList<CompletableFuture<byte[]>>();
            for (int i = 0; i < READS; i++) {
                long offset = (long) i * BLOCK;
                reads.add(CompletableFuture.supplyAsync(() -> {
                    try {
                        return disk.read(offset, BLOCK);
                    } catch (IOException e) {
                        throw new IllegalStateException(e);
                    }
                }, threads));
            }
            long right = 0;
            for (int i = 0; i < READS; i++) {
                right += Arrays.equals(reads.get(i).join(), block(i)) ? 1 : 0;
            }
            return right;
        } finally {
            threads.shutdown();
        }
    }

    static byte[] block(int number) {
        byte[] block = new byte[BLOCK];
        Arrays.fill(block, (byte) number);
        return block;
    }

    /** Serves blocks with a backend that wraps one that waits. */
    public static void main(String[] args) throws Exception {
        var started = new CountDownLatch(READS);
        var waiting = new FaultyBackend(new HeapBackend(READS * BLOCK), access -> {
            if (access.kind() == Kind.READ) {
                started.countDown();
                try {
                    if (!started.await(100, TimeUnit.SECONDS)) {
                        throw new IOException("only " + (READS - started.getCount()) + " reads are under way");
                    }
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
        });
        var backend = (Backend) Class.forName(args[0]).getConstructor(Backend.class).newInstance(waiting);
        try (var disk = SimulatedDisk.start(Disk.builder().backend(backend).listener(System.out::println))) {
            for (int i = 0; i < READS; i++) {
                disk.writeDurably(i * BLOCK, block(i));
            }
            System.out.println(read(disk) + " reads");
        }
    }
}
