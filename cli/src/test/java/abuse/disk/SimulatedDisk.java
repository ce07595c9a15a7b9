// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import abuse.device.Operation;
import abuse.device.Result;
import abuse.device.SimulatedDevices;
import abuse.device.SimulatedDisk.Submitted;
import java.io.IOException;

/**
 * A disk without a kernel module, to test a backend as any user: it is served by the same threads as a {@link Disk}, and
 * the requests come from the methods here.
 *
 * <pre>{@code
 * try (var disk = SimulatedDisk.start(Disk.builder().size(64 << 20).backend(new MyBackend()))) {
 *     disk.write(0, block);
 *     assertArrayEquals(block, disk.read(0, 4096));
 * }
 * }</pre>
 *
 * <p>Offsets and lengths are bytes, and multiples of the block size. A method throws if its request fails. Each waits for
 * the answer; to have several requests under way, call them in several threads.
 */
public final class SimulatedDisk implements AutoCloseable {
    private final abuse.device.SimulatedDisk kernel;
    private final Disk disk;

    private SimulatedDisk(abuse.device.SimulatedDisk kernel, Disk disk) {
        this.kernel = kernel;
        this.disk = disk;
    }

    /**
     * Starts a disk that only this object can use; its path leads nowhere.
     *
     * @throws DiskException as {@link DiskBuilder#start}
     */
    public static SimulatedDisk start(DiskBuilder builder) throws DiskException {
        var devices = new SimulatedDevices();
        var kernel = devices.add(0);
        return new SimulatedDisk(kernel, builder.start(devices));
    }

    /** The disk that is served. */
    public Disk disk() {
        return disk;
    }

    /** Reads. */
    public byte[] read(long offset, int length) throws IOException {
        return await(kernel.read(offset, length));
    }

    /** Writes; the bytes may be volatile until a flush. */
    public void write(long offset, byte[] data) throws IOException {
        await(kernel.write(offset, data.clone()));
    }

    /** Writes with FUA: the bytes are durable at the end. */
    public void writeDurably(long offset, byte[] data) throws IOException {
        await(kernel.writeFua(offset, data.clone()));
    }

    /** Makes durable what was written. */
    public void flush() throws IOException {
        await(kernel.flush());
    }

    /** Tells that a range is not needed any more. */
    public void discard(long offset, long length) throws IOException {
        await(kernel.submit(Operation.DISCARD, offset, length, null, false, 0));
    }

    /** Makes a range read as zeros. */
    public void writeZeroes(long offset, long length) throws IOException {
        await(kernel.submit(Operation.WRITE_ZEROES, offset, length, null, false, 0));
    }

    /**
     * Hands out once more every request that is not answered, as after the death of a server that had them. The answers to
     * the first ones are refused.
     */
    public void redeliver() {
        kernel.fence();
    }

    @Override
    public void close() throws DiskException {
        disk.close();
    }

    private static byte[] await(Submitted request) throws IOException {
        try {
            var answer = request.await();
            if (answer.failed()) {
                throw new IOException(request.result() == Result.OKAY ? "the disk was taken away" : "the request failed: "
                        + request.result());
            }
            return answer.data();
        } catch (IOException e) {
            throw e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted before the answer", e);
        } catch (Exception e) {
            throw new IOException("no answer: " + e, e);
        }
    }
}
