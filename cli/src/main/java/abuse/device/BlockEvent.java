// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Unix;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A request as the kernel's block layer traces it.
 *
 * @param nanoseconds time of a clock that only runs forward
 * @param completed whether it was answered, and not only issued
 * @param operation in the kernel's letters, such as R, W, D, F, WS, WZS or WFS
 * @param sector the first sector of 512 bytes
 * @param sectors how many of them
 * @param process the name of whoever issued it; empty when it was completed
 * @param error 0, or a negative errno when it failed
 */
public record BlockEvent(long nanoseconds, boolean completed, String operation, long sector, long sectors, String process,
        int error) {
    private static final Pattern LINE = Pattern.compile(" (\\d+)\\.(\\d{6}): block_rq_(issue|complete): \\d+,\\d+ (\\w+)"
            + "(?: \\d+)? \\(.*?\\) (\\d+) \\+ (\\d+) (?:.* )?\\[(.*)]$");

    /** Reads one line of a trace; empty if it is about something else. */
    static Optional<BlockEvent> parse(String line) {
        Matcher matcher = LINE.matcher(line);
        if (!matcher.find()) {
            return Optional.empty();
        }
        long time = Long.parseLong(matcher.group(1)) * 1_000_000_000 + Long.parseLong(matcher.group(2)) * 1000;
        boolean completed = matcher.group(3).equals("complete");
        return Optional.of(new BlockEvent(time, completed, matcher.group(4), Long.parseUnsignedLong(matcher.group(5)),
                Long.parseLong(matcher.group(6)), completed ? "" : matcher.group(7),
                completed ? Integer.parseInt(matcher.group(7)) : 0));
    }

    /** A key that the issue and the completion of one request share. */
    public String request() {
        // A flush has no sector, and kernels differ in what they show instead
        return sectors == 0 ? operation : operation + " " + sector + " " + sectors;
    }

    /** How it ended: "ok", or the reason in the C library's words. */
    public String result() {
        return error == 0 ? "ok" : Unix.strerror(-error);
    }

    /** The operation in words, such as "write", "flush", "write fua" and "read ahead meta". */
    public String words() {
        // A flush ahead of the data stands before the operation, forced unit access behind it
        int at = operation.length() > 1 && operation.charAt(0) == 'F' && "WD".indexOf(operation.charAt(1)) >= 0 ? 1 : 0;
        char next = at + 1 < operation.length() ? operation.charAt(at + 1) : ' ';
        String words = switch (operation.charAt(at)) {
            case 'R' -> "read";
            case 'W' -> next == 'Z' ? "write zeroes" : next == 'F' ? "write fua" : "write";
            case 'D' -> "discard";
            case 'F' -> "flush";
            // Older kernels have no letters for it, and no other operation without letters reaches such a disk
            case 'N' -> "write zeroes";
            default -> operation.toLowerCase(Locale.ROOT);
        };
        return words + (operation.indexOf('A', at + 1) > 0 ? " ahead" : "") + (operation.indexOf('M', at + 1) > 0 ? " meta" : "");
    }
}
