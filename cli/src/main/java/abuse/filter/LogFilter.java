// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.io.IOException;
import java.util.List;

/** Writes a line for each request that has ended. */
final class LogFilter extends Filter {
    /** What the disk's users get for each {@link Failure}. */
    static final List<String> ERRNOS = List.of("EIO", "ENOSPC", "ETIMEDOUT", "EREMOTEIO");

    /** log. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "log";
        }

        @Override
        public String help() {
            return "Writes a line for each request when it ends: the seconds since the start, what was asked for, its first byte and"
                    + " its length, fua for a write that has to be durable, how it ended, and how many microseconds it took behind"
                    + " this filter.";
        }

        @Override
        public List<Key> keys() {
            return List.of(Journal.FILE, Key.word("format", List.of("text", "json"), "how a line is written: as text, or as a JSON object"));
        }

        @Override
        public Filter make(Settings settings) throws IOException {
            return new LogFilter(settings);
        }
    }

    private final Journal journal;
    private final boolean json;
    private long start;

    private LogFilter(Settings settings) throws IOException {
        super(settings);
        journal = new Journal(settings);
        json = settings.word("format", "text").equals("json");
    }

    @Override
    protected boolean looksAtData() {
        return false;
    }

    @Override
    protected void open(Surroundings surroundings) throws IOException {
        journal.open(surroundings);
        start = System.nanoTime();
    }

    @Override
    protected void take(FilteredRequest request) {
        request.note(System.nanoTime());
        request.pass();
    }

    @Override
    protected void answered(FilteredRequest request) {
        long now = System.nanoTime();
        String result = word(request.failure());
        synchronized (journal) {
            journal.put(json ? "{\"time\":" : "").putThousandths((now - start) / 1_000_000)
                    .put(json ? ",\"op\":\"" : " ").put(request.kind());
            if (json) {
                journal.put("\",\"offset\":").put(request.offset()).put(",\"length\":").put(request.length())
                        .put(",\"fua\":").put(request.fua() ? "true" : "false").put(",\"result\":\"").put(result)
                        .put("\",\"us\":").put((now - request.note()) / 1000).put("}");
            } else {
                if (request.kind() != Kind.FLUSH) {
                    journal.put(" ").put(request.offset()).put("+").put(request.length());
                }
                journal.put(request.fua() ? " fua " : " ").put(result).put(" ").put((now - request.note()) / 1000).put("us");
            }
            journal.end();
        }
    }

    /** How a request has ended, as its users see it. */
    static String word(Failure failure) {
        return failure == null ? "ok" : ERRNOS.get(failure.ordinal());
    }

    @Override
    public void close() throws IOException {
        journal.close();
        super.close();
    }
}
