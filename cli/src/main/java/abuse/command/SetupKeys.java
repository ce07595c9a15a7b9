// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Config;
import abuse.device.Flag;
import abuse.device.Hints;
import abuse.device.Status;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The keys of a setup as they were typed: sz=16M,bs=4096,ro and so on. */
final class SetupKeys {
    private enum Kind {
        SIZE("=SIZE"), NUMBER("=N"), TIME("=SECONDS"), SWITCH("[=on|off]"), WORD("");

        final String value;

        Kind(String value) {
            this.value = value;
        }
    }

    private enum Key {
        SIZE(Kind.SIZE, "size of the disk, a multiple of bs (16M)", "sz", "size"),
        BLOCK_SIZE(Kind.SIZE, "block size, a power of two, 512 to 64K (4096)", "bs", "blocksize"),
        PHYSICAL_BLOCK_SIZE(Kind.SIZE, "what the storage writes at once, a power of two, bs to 1M (bs)", "pbs", "physicalblocksize"),
        // The usage text of 2009 misprinted this one, so it is typed
        QUEUE_DEPTH(Kind.NUMBER, "requests of a hardware queue, 1 to 4096 (128)", "qs", "queuesize", "queusize"),
        QUEUES(Kind.NUMBER, "hardware queues, at most one a processor (1)", "nq", "queues"),
        MAX_REQUEST(Kind.SIZE, "longest read or write, a multiple of bs, from a page of memory to 1M (1M)", "mr", "maxrequest"),
        TIMEOUT(Kind.TIME, "fail a request unanswered so long, at most 86400; 0: never (0)", "timeout"),
        UNSERVED(Kind.TIME, "fail requests so long after the setup while nobody has ever served, at most 86400; 0: never (60)", "unserved"),
        ORPHAN(Kind.TIME, "fail requests so long after the last server is gone, at most 86400; 0: never (0)", "orphan"),
        READ_ONLY(Kind.WORD, "read-only", "ro"),
        READ_WRITE(Kind.WORD, "writable, the default", "rw"),
        WRITE_CACHE(Kind.SWITCH, "pass flush and FUA to the server (on)", "wc", "writecache"),
        DISCARD(Kind.SWITCH, "offer discard (off)", "discard"),
        DISCARD_GRANULARITY(Kind.SIZE, "what the storage frees at once, a multiple of pbs (pbs)", "dg", "discardgranularity"),
        MAX_DISCARD(Kind.SIZE, "longest discard, a multiple of dg, less than 4G", "md", "maxdiscard"),
        WRITE_ZEROES(Kind.SWITCH, "offer writing zeroes without data (off)", "wz", "writezeroes"),
        MAX_WRITE_ZEROES(Kind.SIZE, "longest write zeroes, a multiple of bs, less than 4G", "mz", "maxwritezeroes"),
        IO_MIN(Kind.SIZE, "least to read or write at once, a multiple of pbs, up to 16M (pbs)", "iomin"),
        IO_OPT(Kind.SIZE, "best to read or write at once, a multiple of pbs, up to 16M; 0: any (0)", "ioopt"),
        ROTATIONAL(Kind.SWITCH, "the storage has moving parts (off)", "rotational"),
        PARTSCAN(Kind.SWITCH, "read the partition table, for root (off, unless the module has max_part)", "partscan"),
        MAPPABLE(Kind.SWITCH, "parts of the disk may be mapped to other disks, see 'abusectl map' (off)", "mappable"),
        AUTOREMOVE(Kind.SWITCH, "the disk goes when the 'run' that made it ends, however it ends; off: it stays if that is killed", "autoremove"),
        RECONNECT(Kind.WORD, "change a disk in use and keep its requests; what is not given stays as it is", "reconnect");

        final Kind kind;
        final String help;
        final List<String> names;

        Key(Kind kind, String help, String... names) {
            this.kind = kind;
            this.help = help;
            this.names = List.of(names);
        }

        static Key named(String name) throws UsageException {
            for (Key key : values()) {
                if (key.names.contains(name)) {
                    return key;
                }
            }
            throw new UsageException("unknown key '" + name + "'" + (Sizes.hasUnit(name) ? "; did you mean 'sz=" + name + "'?"
                    : DeviceName.number(name) != null ? "; a device comes first, with a space after it"
                    : Similar.to(name, Arrays.stream(values()).flatMap(key -> key.names.stream()).toList())), Cli.moreIn("setup"));
        }
    }

    /** The usual block size of a disk, in bytes. */
    static final int BLOCK_SIZE = 4096;

    /** Nothing on a disk that was never served is mounted. This is much longer than a server takes to start. */
    private static final int UNSERVED_MS = 60_000;

    /** A key's value, and both as they were typed, for messages. */
    private record Typed(long value, String words) {}

    private final Map<Key, Typed> values = new EnumMap<>(Key.class);

    /** Reads words, each of which may be several keys with commas or blanks between them. */
    SetupKeys(List<String> words) throws UsageException {
        for (String word : words) {
            for (String piece : pieces(word)) {
                add(piece);
            }
        }
        if (values.containsKey(Key.READ_ONLY) && values.containsKey(Key.READ_WRITE)) {
            throw new UsageException("'ro' and 'rw' exclude each other");
        }
    }

    /** The keys in a word, as they were typed. */
    static List<String> pieces(String word) {
        return Arrays.stream(word.split("[,\\s]+")).filter(piece -> !piece.isEmpty()).toList();
    }

    /** The keys as they are typed, with "=" if they need a value. */
    static List<String> words() {
        return Arrays.stream(Key.values())
                .map(key -> key.names.get(key.names.size() > 1 ? 1 : 0) + (key.kind.compareTo(Kind.SWITCH) < 0 ? "=" : ""))
                .toList();
    }

    /** What each key means, by its names; the defaults are in brackets. */
    static Map<String, String> help() {
        var help = new LinkedHashMap<String, String>();
        for (Key key : Key.values()) {
            help.put(String.join(", ", key.names.subList(0, Math.min(2, key.names.size()))) + key.kind.value, key.help);
        }
        return help;
    }

    /** Whether the device is to be changed if it is set up already. */
    boolean isReconnect() {
        return values.containsKey(Key.RECONNECT);
    }

    /** Whether the disk is to go with the command that makes it. */
    boolean isAutoremove() {
        return value(Key.AUTOREMOVE, 0) == 1;
    }

    /** Has the disk go with the command that makes it, unless a key says something else. */
    void autoremove() {
        putIfAbsent(Key.AUTOREMOVE, 1);
    }

    /** Has parts of the disk be mapped, unless a key says something else. */
    void mappable() {
        putIfAbsent(Key.MAPPABLE, 1);
    }

    /** Takes size and block size from an image where no key gives them, and whether it can be written. */
    void setDefaults(long size, int blockSize, boolean readOnly) {
        if (readOnly && !values.containsKey(Key.READ_WRITE)) {
            putIfAbsent(Key.READ_ONLY, 1);
        }
        putIfAbsent(Key.SIZE, size);
        putIfAbsent(Key.BLOCK_SIZE, blockSize);
        if (blockSize() < BLOCK_SIZE) {
            // To write part of a page, the page cache reads the page first
            putIfAbsent(Key.PHYSICAL_BLOCK_SIZE, BLOCK_SIZE);
        }
    }

    /** Offers what an image can do where no key says whether to. */
    void offer(boolean discard, boolean writeZeroes) {
        if (discard) {
            putIfAbsent(Key.DISCARD, 1);
        }
        if (writeZeroes) {
            putIfAbsent(Key.WRITE_ZEROES, 1);
        }
    }

    private void putIfAbsent(Key key, long value) {
        values.putIfAbsent(key, new Typed(value, key.names.get(0) + "=" + value));
    }

    /** Whether the size was given, and is not the default. */
    boolean hasSize() {
        return values.containsKey(Key.SIZE);
    }

    /** Sets a size that was not typed as a key; messages show it as the words. */
    SetupKeys size(long bytes, String words) {
        values.put(Key.SIZE, new Typed(bytes, words));
        return this;
    }

    /** The block size of a new disk. */
    long blockSize() {
        return value(Key.BLOCK_SIZE, BLOCK_SIZE);
    }

    /** Whether a word begins like one with keys, even if it is mistyped. */
    static boolean isMeant(String word) {
        String first = word.split("[,=]", 2)[0];
        return first.length() < word.length() || pieces(word).stream().limit(1).anyMatch(SetupKeys::isKey);
    }

    /** Whether a word is the name of a key. */
    static boolean isKey(String piece) {
        return Arrays.stream(Key.values()).anyMatch(key -> key.names.contains(piece));
    }

    /**
     * The setup that is asked for.
     *
     * @param current gives what the keys leave out; null for the defaults
     */
    Config config(Status current) throws UsageException {
        boolean fresh = current == null;
        long size = value(Key.SIZE, fresh ? 16 << 20 : current.capacity());
        long blockSize = value(Key.BLOCK_SIZE, fresh ? blockSize() : current.blockSize());
        long physical = value(Key.PHYSICAL_BLOCK_SIZE, fresh ? 0 : current.physicalBlockSize());
        long depth = value(Key.QUEUE_DEPTH, fresh ? 128 : current.queueDepth());
        long queues = value(Key.QUEUES, fresh ? 1 : current.queues());
        long maxRequest = value(Key.MAX_REQUEST, fresh ? 0 : current.maxRequest());
        long timeoutMs = value(Key.TIMEOUT, fresh ? 0 : current.timeoutMs());
        long orphanMs = value(Key.ORPHAN, fresh ? 0 : current.orphanMs());
        long unservedMs = value(Key.UNSERVED, fresh ? UNSERVED_MS : current.unservedMs());

        within(Key.SIZE, size, 1, Long.MAX_VALUE);
        within(Key.BLOCK_SIZE, blockSize, Config.MIN_BLOCK, Config.MAX_BLOCK);
        within(Key.QUEUE_DEPTH, depth, 1, Config.MAX_DEPTH);
        within(Key.QUEUES, queues, 1, Integer.MAX_VALUE);
        withinTimeout(Key.TIMEOUT, timeoutMs);
        withinTimeout(Key.ORPHAN, orphanMs);
        withinTimeout(Key.UNSERVED, unservedMs);
        powerOfTwo(Key.BLOCK_SIZE, blockSize);
        if (values.containsKey(Key.PHYSICAL_BLOCK_SIZE)) {
            within(Key.PHYSICAL_BLOCK_SIZE, physical, blockSize, Config.MAX_REQUEST);
            powerOfTwo(Key.PHYSICAL_BLOCK_SIZE, physical);
        }
        if (size % blockSize != 0) {
            throw new UsageException(words(Key.SIZE, size) + " is not a multiple of the block size, " + blockSize);
        }
        if (values.containsKey(Key.MAX_REQUEST)) {
            within(Key.MAX_REQUEST, maxRequest, Config.minRequest(), Config.MAX_REQUEST);
            multiple(Key.MAX_REQUEST, maxRequest, blockSize, Config.MAX_REQUEST, "the block size, " + blockSize);
        }
        var hints = hints(fresh ? Hints.NONE : current.hints(), blockSize, physical == 0 ? blockSize : physical);
        var flags = EnumSet.noneOf(Flag.class);
        set(flags, Flag.WRITE_CACHE, Key.WRITE_CACHE, fresh || current.flags().contains(Flag.WRITE_CACHE));
        set(flags, Flag.DISCARD, Key.DISCARD, !fresh && current.flags().contains(Flag.DISCARD));
        set(flags, Flag.WRITE_ZEROES, Key.WRITE_ZEROES, !fresh && current.flags().contains(Flag.WRITE_ZEROES));
        set(flags, Flag.ROTATIONAL, Key.ROTATIONAL, !fresh && current.flags().contains(Flag.ROTATIONAL));
        set(flags, Flag.PARTSCAN, Key.PARTSCAN, !fresh && current.flags().contains(Flag.PARTSCAN));
        set(flags, Flag.MAPPABLE, Key.MAPPABLE, !fresh && current.flags().contains(Flag.MAPPABLE));
        set(flags, Flag.AUTOREMOVE, Key.AUTOREMOVE, !fresh && current.flags().contains(Flag.AUTOREMOVE));
        set(flags, Flag.READ_ONLY, Key.READ_ONLY, !fresh && current.flags().contains(Flag.READ_ONLY)
                && !values.containsKey(Key.READ_WRITE));
        return new Config(size, (int) blockSize, (int) physical, (int) depth, (int) queues, (int) maxRequest,
                (int) timeoutMs, (int) orphanMs, (int) unservedMs, hints, flags, isReconnect() && !fresh);
    }

    private Hints hints(Hints otherwise, long blockSize, long physical) throws UsageException {
        needs(Key.DISCARD_GRANULARITY, Key.DISCARD);
        needs(Key.MAX_DISCARD, Key.DISCARD);
        needs(Key.MAX_WRITE_ZEROES, Key.WRITE_ZEROES);
        String physicalBlocks = "the physical block size, " + physical;
        long granularity = multiple(Key.DISCARD_GRANULARITY, otherwise.discardGranularity(), physical, Hints.MAX_RANGE, physicalBlocks);
        long unit = granularity == 0 ? physical : granularity;
        return new Hints((int) multiple(Key.IO_MIN, otherwise.ioMin(), physical, Hints.MAX_IO, physicalBlocks),
                value(Key.IO_OPT, 1) == 0 ? 0 : (int) multiple(Key.IO_OPT, otherwise.ioOpt(), physical, Hints.MAX_IO, physicalBlocks),
                granularity,
                multiple(Key.MAX_DISCARD, otherwise.maxDiscard(), unit, Hints.MAX_RANGE, "the discard granularity, " + unit),
                multiple(Key.MAX_WRITE_ZEROES, otherwise.maxWriteZeroes(), blockSize, Hints.MAX_RANGE,
                        "the block size, " + blockSize));
    }

    /** The value of a key that is a multiple of what the words name, and at least that. */
    private long multiple(Key key, long otherwise, long unit, long max, String words) throws UsageException {
        long value = value(key, otherwise);
        if (values.containsKey(key)) {
            if (value % unit != 0) {
                throw new UsageException(words(key, value) + " is not a multiple of " + words);
            }
            within(key, value, unit, max);
        }
        return value;
    }

    private void needs(Key key, Key other) throws UsageException {
        if (values.containsKey(key) && value(other, isReconnect() ? 1 : 0) == 0) {
            throw new UsageException(values.get(key).words + " needs '" + other.names.get(0) + "'");
        }
    }

    private void add(String piece) throws UsageException {
        int equals = piece.indexOf('=');
        String name = equals < 0 ? piece : piece.substring(0, equals);
        Key key = Key.named(name);
        if (values.containsKey(key)) {
            throw new UsageException("'" + name + "' is given twice" + synonyms(key));
        }
        values.put(key, new Typed(parse(key, name, equals < 0 ? null : piece.substring(equals + 1)), piece));
    }

    private static long parse(Key key, String name, String value) throws UsageException {
        boolean bareAllowed = key.kind == Kind.WORD || key.kind == Kind.SWITCH;
        if (value == null && bareAllowed) {
            return 1;
        }
        if (value != null && key.kind == Kind.WORD) {
            throw new UsageException("'" + name + "' takes no value");
        }
        if (value == null || value.isEmpty()) {
            throw new UsageException("'" + name + "' has no value");
        }
        return switch (key.kind) {
            case SIZE -> Sizes.bytes(name + "=", value);
            case TIME -> Seconds.milliseconds(name + "=", value);
            case SWITCH -> switch (value) {
                case "on" -> 1;
                case "off" -> 0;
                default -> throw new UsageException(name + "=" + value + " is neither 'on' nor 'off'");
            };
            default -> Sizes.number(name + "=", value);
        };
    }

    private static String synonyms(Key key) {
        return key.names.size() == 1 ? "" : " (" + String.join(", ", key.names) + " are one key)";
    }

    private long value(Key key, long otherwise) {
        return values.containsKey(key) ? values.get(key).value : otherwise;
    }

    private String words(Key key, long value) {
        return values.containsKey(key) ? values.get(key).words : key.names.get(0) + "=" + value;
    }

    private void within(Key key, long value, long min, long max) throws UsageException {
        if (value < min || value > max) {
            throw new UsageException(words(key, value)
                    + (max == Long.MAX_VALUE || max == Integer.MAX_VALUE && value < min
                            ? " must be at least " + min
                            : " must be from " + min + " to " + max));
        }
    }

    private void withinTimeout(Key key, long milliseconds) throws UsageException {
        within(key, (milliseconds + 999) / 1000, 0, Config.MAX_TIMEOUT_MS / 1000);
    }

    private void powerOfTwo(Key key, long value) throws UsageException {
        if (Long.bitCount(value) != 1) {
            throw new UsageException(words(key, value) + " is not a power of two");
        }
    }

    private void set(EnumSet<Flag> flags, Flag flag, Key key, boolean otherwise) {
        if (value(key, otherwise ? 1 : 0) == 1) {
            flags.add(flag);
        }
    }
}
