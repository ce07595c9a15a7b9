// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.BackendException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Tells each problem once, and after a while the number of its repetitions. Never throws, because its callers have
 * requests to answer.
 */
final class Problems {
    /** How many messages are told apart; a backend whose messages all differ must not fill the heap. */
    private static final int MAX_KINDS = 32;

    /** How often a problem that lasts is told again. */
    static final long INTERVAL_NS = 600_000_000_000L;

    private final Server.Listener listener;
    private final long interval;
    private final Map<String, Kind> kinds = new LinkedHashMap<>();
    private long others;
    /** The last change, and how many there were since when. */
    private String change;
    private int changes;
    private long since = System.nanoTime();

    private static final class Kind {
        long told = System.nanoTime();
        long repeats;
    }

    Problems(Server.Listener listener, long interval) {
        this.listener = listener;
        this.interval = interval;
    }

    synchronized void report(Throwable cause) {
        try {
            String message = cause.getMessage();
            if (message == null && cause instanceof BackendException) {
                // It was told already
                return;
            }
            if (message == null || !(cause instanceof java.io.IOException)) {
                message = cause.toString();
            }
            tell(message);
        } catch (Throwable e) {
            // Most likely there is no memory, or a plug-in's exception fails to give its message
            others++;
        }
    }

    synchronized void report(String message) {
        try {
            tell(message);
        } catch (Throwable e) {
            others++;
        }
    }

    /**
     * Tells of something that concerns no single request, also if it was told before and something else since, as when a
     * server goes away a second time.
     */
    synchronized void change(String message) {
        long now = System.nanoTime();
        if (now - since >= interval) {
            since = now;
            changes = 0;
        }
        if (message.equals(change) || changes == MAX_KINDS) {
            report(message);
            return;
        }
        changes++;
        change = message;
        try {
            hasRoom();
            kinds.put(message, new Kind());
            listener.problem(message);
        } catch (Throwable e) {
            others++;
        }
    }

    synchronized void summarize() {
        try {
            kinds.forEach((message, kind) -> {
                if (kind.repeats > 0) {
                    tellRepeats(message, kind);
                }
            });
            if (others > 0) {
                listener.problem(others + " other problems");
            }
        } catch (Throwable e) {
            // There is nobody else to tell
        }
        kinds.clear();
        others = 0;
    }

    private void tell(String message) {
        Kind kind = kinds.get(message);
        if (kind != null) {
            kind.repeats++;
            if (System.nanoTime() - kind.told >= interval) {
                tellRepeats(message, kind);
            }
        } else if (hasRoom()) {
            kinds.put(message, new Kind());
            listener.problem(message);
        } else {
            others++;
        }
    }

    /** Whether one more message can be told apart, if need be when those that were told long ago are forgotten. */
    private boolean hasRoom() {
        if (kinds.size() >= MAX_KINDS) {
            long now = System.nanoTime();
            kinds.entrySet().removeIf(entry -> {
                Kind kind = entry.getValue();
                boolean old = now - kind.told >= interval;
                if (old && kind.repeats > 0) {
                    tellRepeats(entry.getKey(), kind);
                }
                return old;
            });
        }
        return kinds.size() < MAX_KINDS;
    }

    private void tellRepeats(String message, Kind kind) {
        listener.problem(message + " (" + kind.repeats + (kind.repeats == 1 ? " more time)" : " more times)"));
        kind.told = System.nanoTime();
        kind.repeats = 0;
    }
}
