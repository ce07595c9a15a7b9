// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Reads a disk as its users do, but gives up after some seconds. */
final class DiskProbe {
    private static final int PATIENCE_SECONDS = 10;

    private DiskProbe() {}

    /** Throws if the read fails; a disk that cannot be opened or does not answer is no failure. */
    static void read(Path disk, int length, long offset) throws IOException {
        var outcome = new CompletableFuture<IOException>();
        var reader = new Thread(() -> outcome.complete(failure(disk, length, offset)), "probe");
        reader.setDaemon(true);
        reader.start();
        try {
            IOException failure = outcome.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            if (failure != null) {
                throw failure;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            // The server is slow, or there is none any more
        }
    }

    /** Why a read failed; null if it did not, or if the disk cannot be opened. */
    private static IOException failure(Path disk, int length, long offset) {
        try (FileChannel channel = FileChannel.open(disk)) {
            channel.read(ByteBuffer.allocate(length), offset);
            return null;
        } catch (FileSystemException e) {
            return null;
        } catch (IOException e) {
            return e;
        }
    }
}
