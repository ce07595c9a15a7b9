// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;

/** Hands out full batches of reads and writes, a given number of times, and does nothing else. */
public final class EndlessDevice implements Device {
    private final Status status;
    private final Runnable everyTransfer;
    private final int length;
    private long rounds;
    private long buffer;
    private long calls;

    public EndlessDevice(Status status, int length, long rounds, Runnable everyTransfer) {
        this.status = status;
        this.length = length;
        this.rounds = rounds;
        this.everyTransfer = everyTransfer;
    }

    /** How often it was called for requests, or with answers. */
    public long calls() {
        return calls;
    }

    @Override
    public void transfer(Batch batch) {
        calls++;
        batch.prepare();
        if (batch.raw().getInt(Abi.Xfer.NR_GETS) > 0) {
            everyTransfer.run();
        }
        var raw = batch.raw();
        int room = Math.min(8, raw.getInt(Abi.Xfer.NR_GETS));
        if (room > 0 && rounds-- <= 0) {
            room = 0;
        }
        buffer = raw.getLong(Abi.Xfer.BUFFER);
        for (int i = 0; i < room; i++) {
            int get = batch.nextGetAt(i);
            raw.putLong(get + Abi.Get.ID, i + 1);
            raw.putLong(get + Abi.Get.SECTOR, (long) i * length / 512);
            raw.putLong(get + Abi.Get.ADDRESS, buffer == 0 ? 0 : buffer + (long) i * length);
            raw.putInt(get + Abi.Get.LENGTH, length);
            raw.putShort(get + Abi.Get.COMMAND, (short) (i % 2));
            raw.putShort(get + Abi.Get.FLAGS, (short) 0);
        }
        raw.putInt(Abi.Xfer.NR_GETS, room);
        batch.complete();
    }

    @Override
    public String path() {
        return "/dev/abctl0";
    }

    @Override
    public Status status() {
        return status;
    }

    @Override
    public String nodeProblem() {
        return null;
    }

    @Override
    public boolean rescan() {
        return true;
    }

    @Override
    public void setup(Config config) {}

    @Override
    public void reset() {}

    @Override
    public List<ServerStatus> servers() {
        return List.of();
    }

    @Override
    public List<RequestStatus> requests() {
        return List.of();
    }

    @Override
    public void map(Mapping mapping) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void lend(Loan loan) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int lent(long offset) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void unmap(long length, long[] offsets) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void forEachExtent(Consumer<Extent> action) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void removeLazily() {
        throw new UnsupportedOperationException();
    }

    @Override
    public OptionalInt quiesce(int milliseconds) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void resume() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void requeue() {}

    @Override
    public void remove() {}

    @Override
    public void serve(Serving serving) {}

    @Override
    public int pollUnanswered(int milliseconds) {
        return 0;
    }

    @Override
    public void close() {}
}
