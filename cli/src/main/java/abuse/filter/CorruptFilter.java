// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Geometry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** Loses, misplaces and changes data, and says what it did. */
final class CorruptFilter extends Filter {
    private static final String FLIP = "flip";
    private static final String STUCK = "stuck";

    /** corrupt. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "corrupt";
        }

        @Override
        public String help() {
            return "Loses, misplaces or changes the data of reads and writes, which are answered as if all were well, and writes a"
                    + " line about each.";
        }

        @Override
        public List<Key> keys() {
            return List.of(Key.word("kind", List.of(FLIP, "lost", "misdirected", "torn", "stale", STUCK), "what is done; flip: some bits of what is read or"
                            + " written are changed; lost: a write is not carried out; misdirected: it is carried out at another place of"
                            + " the disk; torn: only its first blocks are carried out, and one that is a single block is lost; stale: a"
                            + " read gets what was there before the last write, if that has passed the filter, too;"
                            + " stuck: some bits of each block are always read as 0, or always as 1, whatever was written"),
                    new Key("bits", Key.Kind.COUNT, "1", "how many bits of a request are flipped, or of a block are stuck"),
                    new Key("memory", Key.Kind.SIZE, "16M", "how much of the disk's content stale reads are made from"),
                    Journal.FILE);
        }

        @Override
        public Filter make(Settings settings) throws IOException {
            String kind = settings.word("kind", FLIP);
            if (settings.has("bits") && !List.of(FLIP, STUCK).contains(kind)) {
                throw new IllegalArgumentException("bits is of use only with kind=flip or kind=stuck");
            }
            if (settings.has("memory") && !kind.equals("stale")) {
                throw new IllegalArgumentException("memory is of use only with kind=stale");
            }
            Selection.refuseWithout(settings, "kind=" + kind, switch (kind) {
                case FLIP -> new String[] {"read", "write"};
                case STUCK, "stale" -> new String[] {"read"};
                default -> new String[] {"write"};
            });
            return new CorruptFilter(settings);
        }
    }

    /** The note of a read that is to be stale. */
    private static final long STALE = 1;

    private final String kind;
    private final long bits;
    private final long memory;
    private final Journal journal;
    private Geometry geometry;
    /** Null unless reads are to be stale. */
    private EarlierContent earlier;
    private volatile long capacity;

    private CorruptFilter(Settings settings) throws IOException {
        super(settings);
        kind = settings.word("kind", FLIP);
        bits = settings.number("bits", 1);
        memory = settings.number("memory", 16 << 20);
        journal = new Journal(settings);
    }

    @Override
    protected void open(Surroundings surroundings) throws IOException {
        journal.open(surroundings);
        geometry = surroundings.geometry();
        capacity = geometry.capacity();
        if (kind.equals("stale")) {
            int blocks = (int) Math.min(1 << 28, Math.max(memory, geometry.maxRequest()) / geometry.blockSize());
            earlier = new EarlierContent(geometry.blockSize(), blocks);
        }
    }

    @Override
    protected void grow(long bytes) {
        capacity = bytes;
    }

    @Override
    protected boolean takes(FilteredRequest request) {
        if (earlier != null) {
            return request.kind() == Kind.WRITE || request.kind() == Kind.READ;
        }
        boolean possible = request.kind() == Kind.WRITE && !kind.equals(STUCK)
                || request.kind() == Kind.READ && (kind.equals(FLIP) || kind.equals(STUCK));
        return possible && selection().picks(request);
    }

    @Override
    protected void take(FilteredRequest request) {
        switch (kind) {
            case FLIP -> {
                request.note(selection().draw());
                if (request.kind() == Kind.WRITE) {
                    flip(request, true);
                }
                request.pass();
            }
            case "stale" -> {
                if (request.kind() == Kind.WRITE) {
                    earlier.written(request);
                } else {
                    request.note(selection().picks(request) ? STALE : 0);
                }
                request.pass();
            }
            case STUCK -> request.pass();
            case "misdirected" -> misdirect(request);
            case "torn" -> tear(request);
            default -> lose(request);
        }
    }

    @Override
    protected void answered(FilteredRequest request) {
        if (earlier != null) {
            if (request.kind() == Kind.READ && request.failure() == null) {
                age(request);
            }
        } else if (kind.equals(STUCK)) {
            if (request.failure() == null) {
                stick(request);
            }
        } else if (!kind.equals(FLIP)) {
            request.restore();
        } else if (request.kind() == Kind.WRITE) {
            // Others look at it, or carry it out again
            flip(request, false);
        } else if (request.failure() == null) {
            flip(request, true);
        }
    }

    /** Flips the bits that belong to the number which was drawn for a request; a second time, that undoes it. */
    private void flip(FilteredRequest request, boolean told) {
        ByteBuffer data = request.data();
        long number = Math.min(bits, request.length() * 8);
        for (long i = 0; i < number; i++) {
            long place = place(selection().drawFor(request.note() + i), i, number, request.length());
            int at = (int) (place / 8);
            int bit = (int) (place % 8);
            data.put(at, (byte) (data.get(at) ^ 1 << bit));
            if (told) {
                synchronized (journal) {
                    begin(request, "flip ").put(" byte ").put(request.offset() + at).put(" bit ").put(bit).end();
                }
            }
        }
    }

    /** The bit that a number by chance means, of so many bytes of which each of some bits has a part for itself. */
    private static long place(long drawn, long i, long number, long bytes) {
        long start = bytes * 8 * i / number;
        return start + Long.remainderUnsigned(drawn >>> 1, bytes * 8 * (i + 1) / number - start);
    }

    /** Gives bits that belong to each block their values, and tells of those that had others. */
    private void stick(FilteredRequest request) {
        ByteBuffer data = request.data();
        int blockSize = geometry.blockSize();
        for (int start = 0; start < request.length(); start += blockSize) {
            long number = Math.min(bits, blockSize * 8L);
            long first = (request.offset() + start) / blockSize * number;
            for (long i = 0; i < number; i++) {
                long drawn = selection().drawFor(first + i);
                long place = place(drawn, i, number, blockSize);
                int at = start + (int) (place / 8);
                int bit = (int) (place % 8);
                int value = (int) (drawn & 1);
                byte before = data.get(at);
                if ((before >> bit & 1) != value) {
                    data.put(at, (byte) (before ^ 1 << bit));
                    synchronized (journal) {
                        begin(request, "stuck ").put(" byte ").put(request.offset() + at).put(" bit ").put(bit).put(" at ").put(value).end();
                    }
                }
            }
        }
    }

    private void age(FilteredRequest request) {
        if (request.note() != STALE) {
            earlier.read(request);
            return;
        }
        int blocks = earlier.putInto(request);
        if (blocks > 0) {
            synchronized (journal) {
                begin(request, "stale ").put(" blocks ").put(blocks).end();
            }
        }
    }

    private void lose(FilteredRequest request) {
        synchronized (journal) {
            begin(request, "lost ").end();
        }
        request.completeSoon();
    }

    private void misdirect(FilteredRequest request) {
        long places = (capacity - request.length()) / geometry.blockSize();
        long here = request.offset() / geometry.blockSize();
        if (places == 0) {
            request.pass();
            return;
        }
        // Any place but its own
        long there = Long.remainderUnsigned(selection().draw(), places);
        there += there >= here ? 1 : 0;
        synchronized (journal) {
            begin(request, "misdirected ").put(" to ").put(there * geometry.blockSize()).end();
        }
        request.moveTo(there * geometry.blockSize());
        request.pass();
    }

    private void tear(FilteredRequest request) {
        long blocks = request.length() / geometry.blockSize();
        if (blocks < 2) {
            lose(request);
            return;
        }
        long kept = (1 + Long.remainderUnsigned(selection().draw(), blocks - 1)) * geometry.blockSize();
        synchronized (journal) {
            begin(request, "torn ").put(" after ").put(kept).end();
        }
        request.shorten(kept);
        request.pass();
    }

    private Journal begin(FilteredRequest request, String what) {
        return journal.put("corrupt ").put(what).put(request.kind()).put(" ").put(request.offset()).put("+").put(request.length());
    }

    @Override
    public void close() throws IOException {
        if (earlier != null) {
            earlier.close();
        }
        journal.close();
        super.close();
    }
}
