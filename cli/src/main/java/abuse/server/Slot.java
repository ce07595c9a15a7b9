// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import abuse.backend.RetryException;
import abuse.device.Batch;
import abuse.device.Operation;
import abuse.device.RequestFlag;
import abuse.device.Result;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;

/** A place for one request that is under way, with memory for its data. It is used again for later requests. */
final class Slot implements AsyncRequest {
    private static final Kind[] KINDS = new Kind[Operation.values().length];

    static {
        KINDS[Operation.READ.ordinal()] = Kind.READ;
        KINDS[Operation.WRITE.ordinal()] = Kind.WRITE;
        KINDS[Operation.FLUSH.ordinal()] = Kind.FLUSH;
        KINDS[Operation.DISCARD.ordinal()] = Kind.DISCARD;
        KINDS[Operation.WRITE_ZEROES.ordinal()] = Kind.WRITE_ZEROES;
    }

    // The lowest bits of the state; the others count requests, so that one is not taken for another
    private static final int FREE = 0;
    private static final int UNDER_WAY = 1;
    /** Answered at its deadline, and not ended yet. */
    private static final int EXPIRED = 2;
    private static final int ENDED = 3;
    private static final int MASK = 3;

    private final InFlight owner;
    private final AtomicLong state = new AtomicLong();
    private final ByteBuffer memory;
    final long address;

    private Kind kind;
    private long offset;
    private long length;
    private boolean writeThrough;
    private int flags;
    long id;
    long start;
    private long deadline;

    /** Whether the data of a write is in its memory. */
    boolean brought;
    /** Where the bytes are that the answer moves if it ended well; 0 for none. */
    long answerAddress;
    /** Run when they are moved; null for nothing. */
    Runnable moved;

    /** How it ended; null if there is nothing to answer any more. */
    Result result;
    /** The one that ended before it, and is not answered yet either. */
    Slot next;

    Slot(InFlight owner, ByteBuffer memory, long address) {
        this.owner = owner;
        this.memory = memory;
        this.address = address;
    }

    /** Stands for request i of a batch, which is not under way yet. */
    void standFor(Batch batch, int i, boolean writeThrough, long now, long limit) {
        id = batch.id(i);
        kind = KINDS[batch.operation(i).ordinal()];
        offset = kind == Kind.FLUSH ? 0 : batch.offset(i);
        length = kind == Kind.FLUSH ? 0 : batch.length(i);
        this.writeThrough = writeThrough;
        flags = batch.flags(i);
        deadline = limit == 0 ? Long.MAX_VALUE : now + limit;
        brought = false;
        if (hasData()) {
            memory.clear().limit((int) length).order(ByteOrder.BIG_ENDIAN);
        }
    }

    /** It is under way from now on. */
    void begin(long now) {
        start = now;
        result = null;
        state.set(state.get() & ~MASK | UNDER_WAY);
    }

    /** May be used for another request from now on. */
    void free() {
        state.set((state.get() | MASK) + 1);
    }

    boolean hasData() {
        return kind == Kind.READ || kind == Kind.WRITE;
    }

    /** Ends it because of this, unless it was too late for its users already. */
    void fail(Throwable cause) {
        end(resultOf(cause, owner.problems));
        owner.send();
    }

    /** Ends it without an answer, because others have the request now. */
    void drop() {
        end(null);
    }

    /** Answers it if its deadline has passed; whether that is so. */
    boolean expire(long now) {
        long was = state.get();
        long request = id;
        // If the state is still the same, these were this request's
        return (was & MASK) == UNDER_WAY && isLate(now) && state.compareAndSet(was, was & ~MASK | EXPIRED) && owner.expired(request);
    }

    /** Whether it has been under way for so long. */
    boolean isOlder(long nanoseconds, long now) {
        return (state.get() & MASK) == UNDER_WAY && now - start >= nanoseconds;
    }

    @Override
    public Kind kind() {
        return kind;
    }

    @Override
    public long offset() {
        return offset;
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public ByteBuffer data() {
        if (kind == Kind.WRITE && !brought) {
            owner.bring(this);
            brought = true;
        }
        return hasData() ? memory : null;
    }

    @Override
    public long address() {
        // As it brings that of a write
        data();
        return address;
    }

    @Override
    public boolean fua() {
        return kind != Kind.READ && kind != Kind.FLUSH && (writeThrough || RequestFlag.FUA.isIn(flags));
    }

    @Override
    public boolean redelivered() {
        return RequestFlag.REDELIVERED.isIn(flags);
    }

    @Override
    public boolean mayUnmap() {
        return !RequestFlag.NOUNMAP.isIn(flags);
    }

    @Override
    public long deadline() {
        return deadline;
    }

    @Override
    public Answers answers() {
        return owner;
    }

    @Override
    public void completeSoon() {
        end(Result.OKAY);
    }

    @Override
    public void completeSoonAt(long where, Runnable then) {
        Objects.requireNonNull(then);
        end(Result.OKAY, where, then);
    }

    @Override
    public void retry() {
        end(Result.RETRY);
        owner.send();
    }

    @Override
    public void fail(Failure failure, String cause) {
        if (cause != null) {
            owner.problems.report(cause);
        }
        end(resultOf(failure));
        owner.send();
    }

    /** How a request is answered after this was thrown, which is reported if it is a failure. */
    static Result resultOf(Throwable cause, Problems problems) {
        if (cause instanceof RetryException) {
            return Result.RETRY;
        }
        problems.report(cause);
        return resultOf(Failure.of(cause));
    }

    private static Result resultOf(Failure failure) {
        return switch (failure) {
            case IO -> Result.MEDIA_FAILURE;
            case NO_SPACE -> Result.NO_SPACE;
            case TIMEOUT -> Result.TIMEOUT;
            case REMOTE -> Result.REMOTE_FAILURE;
        };
    }

    private void end(Result how) {
        end(how, kind == Kind.READ ? address : 0, null);
    }

    private void end(Result how, long where, Runnable then) {
        while (true) {
            long was = state.get();
            boolean expired = (was & MASK) == EXPIRED;
            if (!expired && (was & MASK) != UNDER_WAY) {
                owner.problems.report("the backend ended a request twice");
                return;
            }
            if (state.compareAndSet(was, was | ENDED)) {
                result = expired ? null : how;
                answerAddress = where;
                moved = then;
                owner.add(this);
                return;
            }
        }
    }
}
