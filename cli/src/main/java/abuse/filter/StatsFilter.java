// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;

/** Counts requests, their bytes and their latencies. */
final class StatsFilter extends Filter {
    private static final Kind[] KINDS = Kind.values();
    /** Four buckets for each power of two, of nanoseconds. */
    private static final int BUCKETS = 4 * 64;

    /** stats. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "stats";
        }

        @Override
        public String help() {
            return "Counts requests, and writes at the end what there was of each kind: how many, how many of them failed, their bytes,"
                    + " and within how many microseconds half of them, 99 of 100 and the slowest were answered behind this filter.";
        }

        @Override
        public List<Key> keys() {
            return List.of(Journal.FILE, new Key("interval", Key.Kind.TIME, "only at the end", "writes the numbers so far this often,"
                    + " when a request ends"));
        }

        @Override
        public Filter make(Settings settings) throws IOException {
            return new StatsFilter(settings);
        }
    }

    private final Journal journal;
    private final long interval;
    private final AtomicLongArray requests = new AtomicLongArray(KINDS.length);
    private final AtomicLongArray failed = new AtomicLongArray(KINDS.length);
    private final AtomicLongArray bytes = new AtomicLongArray(KINDS.length);
    private final AtomicLongArray latencies = new AtomicLongArray(KINDS.length * BUCKETS);
    private long last = System.nanoTime();

    private StatsFilter(Settings settings) throws IOException {
        super(settings);
        journal = new Journal(settings);
        interval = settings.number("interval", 0);
    }

    @Override
    protected boolean looksAtData() {
        return false;
    }

    @Override
    protected void open(Surroundings surroundings) throws IOException {
        journal.open(surroundings);
    }

    @Override
    protected void take(FilteredRequest request) {
        request.note(System.nanoTime());
        request.pass();
    }

    @Override
    protected void answered(FilteredRequest request) {
        int kind = request.kind().ordinal();
        long now = System.nanoTime();
        requests.incrementAndGet(kind);
        bytes.addAndGet(kind, request.length());
        latencies.incrementAndGet(kind * BUCKETS + bucket(now - request.note()));
        if (request.failure() != null) {
            failed.incrementAndGet(kind);
        }
        if (interval > 0) {
            synchronized (journal) {
                if (now - last >= interval) {
                    last = now;
                    write();
                }
            }
        }
    }

    private void write() {
        for (Kind kind : KINDS) {
            int i = kind.ordinal();
            if (requests.get(i) == 0) {
                continue;
            }
            journal.put(kind).put(" requests=").put(requests.get(i)).put(" failed=").put(failed.get(i)).put(" bytes=")
                    .put(bytes.get(i)).put(" p50=").put(microseconds(i, 0.5)).put("us p99=").put(microseconds(i, 0.99))
                    .put("us max=").put(microseconds(i, 1)).put("us");
            journal.end();
        }
    }

    /** Within how many microseconds a part of the requests was answered; up to a fifth too much. */
    private long microseconds(int kind, double part) {
        long left = (long) Math.ceil(requests.get(kind) * part);
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            left -= latencies.get(kind * BUCKETS + bucket);
            if (left <= 0) {
                return endOf(bucket) / 1000;
            }
        }
        return 0;
    }

    static int bucket(long nanoseconds) {
        long n = Math.max(4, nanoseconds);
        int power = 63 - Long.numberOfLeadingZeros(n);
        return 4 * power + (int) (n >>> power - 2 & 3);
    }

    /** The first number that is too large for a bucket. */
    static long endOf(int bucket) {
        int power = bucket / 4;
        return power < 2 ? 8 : 5L + bucket % 4 << power - 2;
    }

    @Override
    public void close() throws IOException {
        synchronized (journal) {
            write();
        }
        journal.close();
        super.close();
    }
}
