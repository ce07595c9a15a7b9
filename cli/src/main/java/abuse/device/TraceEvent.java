// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a tracepoint of the module tells: something that happened to a request, or to its device.
 *
 * @param nanoseconds time of a clock that only runs forward
 * @param kind what happened
 * @param pid the process in which it happened
 * @param command the name of that process
 * @param queue the hardware queue; negative when it happened to the device, or no server is asked
 * @param tag the request's number in its queue, which no other has at the same time; negative likewise, and for a stale answer
 * @param operation what the request asks for; null for a stale answer and a device
 * @param flags what else is known of the request
 * @param sector the first sector of 512 bytes
 * @param length bytes
 * @param latency nanoseconds from the submission to the answer; 0 when not known
 * @param rest what else the kernel says, in its words: a put's result, a stale answer's id, where something is mapped, the
 *     device's setup
 */
public record TraceEvent(long nanoseconds, Kind kind, int pid, String command, int queue, int tag, Operation operation,
        Set<RequestFlag> flags, long sector, long length, long latency, String rest) {

    /** What happened. */
    public enum Kind {
        /** The request is pending. */
        SUBMIT,
        /** The process has been handed the request. */
        GET,
        /** The process has answered the request. */
        PUT,
        /** The request is pending again: its owner lost it. */
        REQUEUE,
        /** An answer of the process was refused: it does not own the request. */
        STALE,
        /** The request failed, as it was not answered in time. */
        EXPIRE,
        /** The request failed: a reset, a failed device, or nobody serves. */
        CANCEL,
        /** The kernel carries out a read or write by itself, where it is mapped. */
        MAPPED,
        /** A part of the disk is mapped from now on. */
        MAP,
        /** A part of the disk is not mapped any more. */
        UNMAP,
        /** The device was set up or changed. */
        SETUP,
        /** The disk goes away. */
        RESET;

        /** In one word, such as "submit". */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** The kind with this word, in any case of letters. */
        public static Optional<Kind> of(String word) {
            return Optional.ofNullable(BY_WORD.get(word.toLowerCase(Locale.ROOT)));
        }

        private static final HashMap<String, Kind> BY_WORD = new HashMap<>();

        static {
            for (Kind kind : values()) {
                BY_WORD.put(kind.word(), kind);
            }
        }
    }

    private static final Pattern LINE = Pattern.compile(
            " *(.+?)-(\\d+) +\\[\\d+] (?:\\S+ +)? *(\\d+)\\.(\\d{6}): abuse_([a-z]+): abuse\\d+ ?(.*)");

    private static final Pattern LOST = Pattern.compile("CPU:\\d+ \\[LOST (?:(\\d+) )?EVENTS]");

    /** How many events a line of a trace says are missing there; 1 when it does not know. */
    static long lost(String line) {
        Matcher matcher = LOST.matcher(line);
        return !matcher.matches() ? 0 : matcher.group(1) == null ? 1 : Long.parseLong(matcher.group(1));
    }

    /** Reads one line of a trace; empty if it is about something else. */
    static Optional<TraceEvent> parse(String line) {
        Matcher matcher = LINE.matcher(line);
        Kind kind = matcher.matches() ? Kind.of(matcher.group(5)).orElse(null) : null;
        if (kind == null) {
            return Optional.empty();
        }
        long time = Long.parseLong(matcher.group(3)) * 1_000_000_000 + Long.parseLong(matcher.group(4)) * 1000;
        int pid = Integer.parseInt(matcher.group(2));
        String command = matcher.group(1);
        if (kind == Kind.SETUP || kind == Kind.RESET || kind == Kind.MAP || kind == Kind.UNMAP) {
            return Optional.of(new TraceEvent(time, kind, pid, command, -1, -1, null, Set.of(), 0, 0, 0, matcher.group(6)));
        }
        var fields = new HashMap<String, Long>();
        var words = new ArrayList<String>();
        for (String word : matcher.group(6).split(" ")) {
            int at = word.indexOf('=');
            if (at < 0 || word.startsWith("id=") || word.startsWith("target")) {
                words.add(word);
            } else {
                fields.put(word.substring(0, at), Long.decode(word.substring(at + 1)));
            }
        }
        Operation operation = kind == Kind.STALE || words.isEmpty() ? null : operation(words.remove(0));
        return Optional.of(new TraceEvent(time, kind, pid, command, field(fields, "queue", -1), field(fields, "tag", -1),
                operation, RequestFlag.of(field(fields, "flags", 0)), fields.getOrDefault("sector", 0L),
                fields.getOrDefault("bytes", 0L), fields.getOrDefault("nsecs", 0L), String.join(" ", words)));
    }

    private static int field(HashMap<String, Long> fields, String name, int missing) {
        return fields.getOrDefault(name, (long) missing).intValue();
    }

    private static Operation operation(String word) {
        return switch (word) {
            case "read" -> Operation.READ;
            case "write" -> Operation.WRITE;
            case "flush" -> Operation.FLUSH;
            case "discard" -> Operation.DISCARD;
            case "write_zeroes" -> Operation.WRITE_ZEROES;
            default -> Operation.UNKNOWN;
        };
    }

    /** The same as it happened in a process of which more is known. */
    TraceEvent in(int process, String name) {
        return new TraceEvent(nanoseconds, kind, process, name, queue, tag, operation, flags, sector, length, latency, rest);
    }
}
