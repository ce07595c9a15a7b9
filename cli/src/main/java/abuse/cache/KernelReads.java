// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.Mapper;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * The pieces that the kernel reads by itself. While there are any it keeps others away from the store, and else we do. Its lock
 * is held while something is mapped.
 */
final class KernelReads {
    private static final long AGAIN_MS = 1000;

    private final Mapper mapper;
    private final Store store;
    private final Pieces pieces;
    private final int piece;
    private final LongSupplier capacity;
    private final Consumer<String> administrator;
    private volatile boolean over;
    /** Whether the store is not ours any more. */
    private boolean givenUp;

    /** Nothing is mapped yet, and the store is claimed. */
    KernelReads(Mapper mapper, Store store, Pieces pieces, int piece, LongSupplier capacity, Consumer<String> administrator) {
        this.mapper = mapper;
        this.store = store;
        this.pieces = pieces;
        this.piece = piece;
        this.capacity = capacity;
        this.administrator = administrator;
    }

    /**
     * Has the kernel read the piece in a place, if it can.
     *
     * @throws IOException when somebody else has the store now
     */
    synchronized void map(int place) throws IOException {
        try {
            store.map(mapper, pieces.pieceAt(place) * piece, place);
            pieces.setMapped(place, true);
        } catch (IOException e) {
            administrator.accept(e.getMessage() + "; the server itself reads this piece of the cache");
        } finally {
            claim();
        }
    }

    /**
     * Returns when the kernel reads the pieces in these places no more, as nothing may be answered before.
     *
     * @throws IOException at the end, or when somebody else has the store now
     */
    void unmap(int[] places, int n) throws IOException {
        int[] mapped = Arrays.stream(places, 0, n).filter(pieces::isMapped).toArray();
        if (mapped.length == 0) {
            return;
        }
        try {
            mapper.unmap(piece, Arrays.stream(mapped).mapToLong(place -> pieces.pieceAt(place) * piece).toArray());
            for (int place : mapped) {
                pieces.setMapped(place, false);
            }
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            // The kernel may not have room for what is left of longer extents, and nothing is left if all goes
            unmapAll();
        }
        claim();
    }

    /** Fails only at the end. */
    synchronized void unmapAll() throws IOException {
        while (true) {
            try {
                mapper.unmap(0, capacity.getAsLong());
                pieces.setNoneMapped();
                return;
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                if (over) {
                    throw e;
                }
                administrator.accept(e instanceof IOException ? e.getMessage() : e.toString());
            }
            try {
                Thread.sleep(AGAIN_MS);
            } catch (InterruptedException e) {
                // Nobody has a reason to
            }
        }
    }

    /** The store is kept from others if the kernel does not do that. */
    private synchronized void claim() throws IOException {
        if (!givenUp && !pieces.anyMapped()) {
            store.claim();
        }
    }

    /** Others may have the store, of which nothing is mapped any more. */
    synchronized void giveUp() {
        givenUp = true;
        store.release();
    }

    /** From now on nothing is tried again. */
    void end() {
        over = true;
    }
}
