// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import java.util.LinkedHashMap;
import java.util.Map;

/** Tells each problem once, and counts the others of its kind. */
final class Problems {
    /** Kinds told apart; a backend whose messages all differ must not fill the heap. */
    private static final int MAX_KINDS = 32;

    private final Server.Listener listener;
    private final Map<String, Long> repeats = new LinkedHashMap<>();
    private long others;

    Problems(Server.Listener listener) {
        this.listener = listener;
    }

    synchronized void report(Throwable cause) {
        try {
            String message = cause.getMessage();
            if (message == null || !(cause instanceof java.io.IOException)) {
                message = cause.toString();
            }
            report(message);
        } catch (OutOfMemoryError e) {
            // The request is answered all the same, which matters more
            others++;
        }
    }

    synchronized void report(String message) {
        Long seen = repeats.get(message);
        if (seen != null) {
            repeats.put(message, seen + 1);
        } else if (repeats.size() < MAX_KINDS) {
            repeats.put(message, 0L);
            listener.problem(message);
        } else {
            others++;
        }
    }

    synchronized void summarize() {
        repeats.forEach((message, times) -> {
            if (times > 0) {
                listener.problem(message + " (" + times + (times == 1 ? " more time)" : " more times)"));
            }
        });
        if (others > 0) {
            listener.problem(others + " other problems");
        }
        repeats.clear();
        others = 0;
    }
}
