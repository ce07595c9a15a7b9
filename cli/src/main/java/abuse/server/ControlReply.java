// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * What a server answers through its control socket.
 *
 * @param lines what was asked for; one, with what is wrong, unless it is done
 */
public record ControlReply(Kind kind, List<String> lines) {
    /** What became of a request. */
    public enum Kind {
        /** It was carried out. */
        DONE,
        /** It makes no sense, so nothing was changed. */
        USAGE,
        /** It could not be carried out; the text says what became of it. */
        FAILED
    }

    /** A request was carried out. */
    public static ControlReply done(List<String> lines) {
        return new ControlReply(Kind.DONE, lines);
    }

    /** It was not; the reason becomes one line. */
    public static ControlReply refused(Kind kind, String reason) {
        return new ControlReply(kind, List.of(String.valueOf(reason).replace('\n', ' ')));
    }

    /** The lines as one text. */
    public String text() {
        return String.join("\n", lines);
    }

    /** How it is sent: its kind, and then its lines. */
    String written() {
        var all = new ArrayList<String>(List.of(kind.name()));
        all.addAll(lines);
        return String.join("\n", all) + "\n";
    }

    static ControlReply read(String written) throws IOException {
        List<String> all = written.lines().toList();
        for (Kind kind : Kind.values()) {
            if (written.endsWith("\n") && all.get(0).equals(kind.name())) {
                return new ControlReply(kind, all.subList(1, all.size()));
            }
        }
        throw new IOException("the server has ended before it had answered");
    }
}
