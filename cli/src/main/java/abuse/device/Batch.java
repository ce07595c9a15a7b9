// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Memory;
import abuse.libc.Unix;
import java.nio.ByteBuffer;

/**
 * The requests that one {@link Device#transfer} brought, and the answers that the next one takes.
 * Lives in memory of its own outside the heap; using it allocates nothing. One thread at a time.
 */
public final class Batch implements AutoCloseable {
    /** The most requests that a batch can have room for. */
    public static final int MAX_ROOM = Abi.ABUSE_MAX_BATCH / 2;

    /** The longest time that a transfer looks for requests before it sleeps, in nanoseconds. */
    public static final int MAX_LOOK = Abi.ABUSE_MAX_BUSY;

    /** Not an errno: the kernel has not reached this answer. */
    private static final int UNTAKEN = 1;

    /** In place of the index of a request: this answer is sent again, and its request is no longer known. */
    private static final int FORGOTTEN = -1;

    private static final int PUTS_AT = Abi.Xfer.SIZE_OF;

    /** Takes over requests whose answers the kernel refused. */
    public interface Refusal {
        /**
         * Called during a transfer, while {@link Batch#request} still returns the requests that were answered.
         *
         * @param i the index that the request was answered with
         * @return true if the request is taken over; else it fails in the next transfer
         */
        boolean takesOver(int i, int errno);
    }

    private final int room;
    private final Memory memory;
    /**
     * The structure, then room for twice as many answers as requests, then two arrays of requests, so that those
     * being answered outlive the transfer that brings the next ones.
     */
    private final ByteBuffer raw;
    /** For each answer, its request. */
    private final int[] answered;

    private int getsAt;
    private int nextGetsAt;
    private int requests;
    private int answers;
    private int flags;
    private int receives;
    private Refusal refusal = (i, errno) -> false;
    private long stale;
    private long refused;

    /**
     * A batch without memory for data: it is answered with addresses only.
     *
     * @param room requests, 1 to {@link #MAX_ROOM}
     */
    public Batch(int room) {
        this(room, null);
    }

    /**
     * A batch with memory for data: transfers bring the data of writes there, and it has room for that of reads.
     *
     * @param room requests, 1 to {@link #MAX_ROOM}
     * @param data at least as large as the device's longest request; must stay mapped while the batch is used
     */
    public Batch(int room, Memory data) {
        if (room < 1 || room > MAX_ROOM) {
            throw new IllegalArgumentException("room for " + room);
        }
        this.room = room;
        answered = new int[2 * room];
        receives = room;
        getsAt = PUTS_AT + 2 * room * Abi.Put.SIZE_OF;
        nextGetsAt = getsAt + room * Abi.Get.SIZE_OF;
        memory = Memory.map(nextGetsAt + (long) room * Abi.Get.SIZE_OF);
        raw = memory.buffer();
        raw.putInt(Abi.Xfer.SIZE, Abi.Xfer.SIZE_OF);
        raw.putShort(Abi.Xfer.PUT_SIZE, (short) Abi.Put.SIZE_OF);
        raw.putShort(Abi.Xfer.GET_SIZE, (short) Abi.Get.SIZE_OF);
        raw.putLong(Abi.Xfer.PUTS, memory.address() + PUTS_AT);
        if (data != null) {
            useBuffer(data);
        }
        from(Abi.ABUSE_ANY_QUEUE).waitFor(0, 0);
    }

    /** Sets the memory for data, as in the constructor; only while the batch has neither requests nor answers. */
    public Batch useBuffer(Memory data) {
        raw.putLong(Abi.Xfer.BUFFER, data.address());
        raw.putLong(Abi.Xfer.BUFFER_SIZE, data.size());
        return this;
    }

    /** Receives from one hardware queue only, 0 and up. */
    public Batch from(int queue) {
        raw.putInt(Abi.Xfer.QUEUE, queue);
        return this;
    }

    /**
     * Makes transfers wait for a number of requests.
     *
     * @param nanoseconds the longest wait; negative for no limit
     */
    public Batch waitFor(int minimum, long nanoseconds) {
        raw.putInt(Abi.Xfer.MIN_GETS, minimum);
        raw.putLong(Abi.Xfer.TIMEOUT_NS, nanoseconds < 0 ? Abi.ABUSE_NO_TIMEOUT : nanoseconds);
        return this;
    }

    /**
     * Makes transfers that wait look for requests before they sleep: an answer then comes sooner, and costs more CPU time.
     *
     * @param nanoseconds at most {@link #MAX_LOOK}; negative for as long as was worth it lately
     */
    public Batch lookFor(int nanoseconds) {
        raw.putInt(Abi.Xfer.BUSY_NS, nanoseconds < 0 ? Abi.ABUSE_BUSY_AUTO : nanoseconds);
        return this;
    }

    /** Makes the kernel refuse an answer with EAGAIN instead of waiting for data that is not in memory. */
    public Batch refuseToWait() {
        flags |= Abi.ABUSE_XFER_NO_FAULT;
        return this;
    }

    /** Sets who takes over requests whose answers are refused; by default they fail. */
    public Batch onRefusal(Refusal taker) {
        refusal = taker;
        return this;
    }

    /** Makes transfers only send answers. */
    public Batch receiveNothing() {
        receives = 0;
        return waitFor(0, 0);
    }

    /** Makes transfers receive requests again, without a wait. */
    public Batch receive() {
        return receive(room);
    }

    /** Makes transfers receive at most so many requests, 0 to the room of the batch. */
    public Batch receive(int most) {
        receives = most;
        return this;
    }

    /** Makes transfers only send answers, and the kernel hand out no more requests to this open file. */
    public Batch drain() {
        flags |= Abi.ABUSE_XFER_DRAIN;
        return receiveNothing();
    }

    /** How many requests the last transfer brought. */
    public int requests() {
        return requests;
    }

    /** How many answers the next transfer takes. */
    public int answers() {
        return answers;
    }

    /** What request i asks for. */
    public Operation operation(int i) {
        return Operation.of(Short.toUnsignedInt(raw.getShort(getAt(i) + Abi.Get.COMMAND)));
    }

    /** The first byte of request i on the device. */
    public long offset(int i) {
        return raw.getLong(getAt(i) + Abi.Get.SECTOR) << 9;
    }

    /** The bytes of request i. */
    public long length(int i) {
        return Integer.toUnsignedLong(raw.getInt(getAt(i) + Abi.Get.LENGTH));
    }

    /** The address of request i's data in the memory given to this batch. */
    public long address(int i) {
        return raw.getLong(getAt(i) + Abi.Get.ADDRESS);
    }

    /** Whether request i must be durable before it is answered. */
    public boolean fua(int i) {
        return RequestFlag.FUA.isIn(flags(i));
    }

    /** The {@linkplain RequestFlag flags} of request i. */
    public int flags(int i) {
        return raw.getShort(getAt(i) + Abi.Get.FLAGS);
    }

    /** The name of request i in answers, as {@link Request#id}. */
    public long id(int i) {
        return raw.getLong(getAt(i) + Abi.Get.ID);
    }

    /** A copy of request i. */
    public Request request(int i) {
        return new Request(raw.getLong(getAt(i) + Abi.Get.ID), operation(i), raw.getLong(getAt(i) + Abi.Get.SECTOR),
                length(i), RequestFlag.of(flags(i)));
    }

    /**
     * Answers request i. Each is answered once.
     *
     * @param address where the bytes of a read are until the next transfer is over, where those of
     *     a write are to go, or 0
     */
    public void answer(int i, Result result, long address) {
        put(raw.getLong(getAt(i) + Abi.Get.ID), result.code, address, i);
    }

    /**
     * Answers a request that another batch brought.
     *
     * @param i the index that a refusal is reported with
     */
    public void answer(int i, Request request, Result result, long address) {
        answer(i, request.id(), result, address);
    }

    /** The same, for a request of which only the {@link #id} was kept. */
    public void answer(int i, long id, Result result, long address) {
        put(id, result.code, address, i);
    }

    /**
     * Has the data of a write brought to an address, without an answer yet.
     *
     * @param i the index that a refusal is reported with
     */
    public void copy(int i, Request request, long address) {
        copy(i, request.id(), address);
    }

    /** The same, for a request of which only the {@link #id} was kept. */
    public void copy(int i, long id, long address) {
        put(id, Abi.ABUSE_RESULT_COPY, address, i);
    }

    /** How many answers so far came too late, when their requests no longer belonged to this open file. */
    public long stale() {
        return stale;
    }

    /** How many answers so far the kernel refused because of their data; the requests fail in the next transfer. */
    public long refused() {
        return refused;
    }

    @Override
    public void close() {
        memory.close();
    }

    /** Drops the answers, when there is no device for them any more. */
    public void forget() {
        answers = 0;
    }

    /** Prepares the structure for the ioctl, and returns its address. */
    long prepare() {
        raw.putInt(Abi.Xfer.FLAGS, flags);
        raw.putInt(Abi.Xfer.NR_PUTS, answers);
        raw.putInt(Abi.Xfer.NR_GETS, receives);
        raw.putLong(Abi.Xfer.GETS, memory.address() + nextGetsAt);
        requests = 0;
        return memory.address();
    }

    /** Reads what the ioctl left in the structure. */
    void complete() {
        if (raw.getInt(Abi.Xfer.NR_PUTS) == answers) {
            answers = 0;
        } else {
            takeStatuses();
        }
        int received = nextGetsAt;
        nextGetsAt = getsAt;
        getsAt = received;
        requests = raw.getInt(Abi.Xfer.NR_GETS);
    }

    /** Prepares to repeat an ioctl that a signal ended; the kernel may have taken some answers. */
    long prepareAgain() {
        takeStatuses();
        return prepare();
    }

    /** Keeps what must be sent again: answers that were not taken, and a failure for each that was refused. */
    private void takeStatuses() {
        int sent = answers;
        answers = 0;
        for (int i = 0; i < sent; i++) {
            int put = putAt(i);
            int request = answered[i];
            int status = raw.getInt(put + Abi.Put.STATUS);
            long id = raw.getLong(put + Abi.Put.ID);
            int result = raw.getInt(put + Abi.Put.RESULT);
            if (status == UNTAKEN) {
                put(id, result, raw.getLong(put + Abi.Put.ADDRESS), request);
            } else if (status == -Unix.EBUSY) {
                // Another thread just moves data of the same request
                put(id, result, raw.getLong(put + Abi.Put.ADDRESS), FORGOTTEN);
            } else if (status == -Unix.ENOMSG) {
                stale++;
            } else if (status != 0 && (request == FORGOTTEN || !refusal.takesOver(request, -status))) {
                refused++;
                // We still own the request, and its submitter waits
                if (result != Result.MEDIA_FAILURE.code) {
                    put(id, Result.MEDIA_FAILURE.code, 0, FORGOTTEN);
                }
            }
        }
    }

    /** What the ioctl sees, for a simulated device. */
    ByteBuffer raw() {
        return raw;
    }

    int putAt(int i) {
        return PUTS_AT + i * Abi.Put.SIZE_OF;
    }

    int getAt(int i) {
        return getsAt + i * Abi.Get.SIZE_OF;
    }

    /** Where the ioctl leaves request i. */
    int nextGetAt(int i) {
        return nextGetsAt + i * Abi.Get.SIZE_OF;
    }

    private void put(long id, int result, long address, int request) {
        answered[answers] = request;
        int put = putAt(answers++);
        raw.putLong(put + Abi.Put.ID, id);
        raw.putLong(put + Abi.Put.ADDRESS, address);
        raw.putInt(put + Abi.Put.RESULT, result);
        raw.putInt(put + Abi.Put.STATUS, UNTAKEN);
    }
}
