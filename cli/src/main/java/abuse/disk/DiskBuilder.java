// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import abuse.backend.Backend;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.Config;
import abuse.device.ControlNode;
import abuse.device.Devices;
import abuse.device.Flag;
import abuse.device.Hints;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;

/** What a disk is to be like. A builder can start any number of disks, at the same time, too. */
public final class DiskBuilder {
    /** Opens what keeps the bytes of a disk, which is closed with the disk. */
    @FunctionalInterface
    public interface Opener {
        /** Called once for each disk. */
        Backend open(Geometry geometry) throws IOException;
    }

    /** As long as the disks of a machine usually have to answer. */
    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(60);
    private static final System.Logger LOG = System.getLogger(Disk.class.getName());

    private long size;
    private int blockSize = 4096;
    private int queues = 1;
    private int queueDepth = 128;
    private int timeoutMs = (int) REQUEST_TIMEOUT.toMillis();
    private final Set<Flag> flags = EnumSet.of(Flag.WRITE_CACHE);
    private boolean recorded;
    private Backend instance;
    private Opener opener;
    private String name;
    private DiskListener listener = message -> LOG.log(System.Logger.Level.WARNING, message);

    DiskBuilder() {}

    /**
     * How large the disk is. It can be left out if the backend that is given knows its {@linkplain Backend#size size}.
     *
     * @param bytes a multiple of the block size
     */
    public DiskBuilder size(long bytes) {
        size = bytes;
        return check(bytes > 0, "size", bytes, "must be more than 0");
    }

    /**
     * What is read and written at least; the default is 4096.
     *
     * @param bytes a power of two from 512 to 65536; many kernels stop at 4096
     */
    public DiskBuilder blockSize(int bytes) {
        blockSize = bytes;
        return check(Integer.bitCount(bytes) == 1 && bytes >= Config.MIN_BLOCK && bytes <= Config.MAX_BLOCK, "blockSize", bytes,
                "must be a power of two from " + Config.MIN_BLOCK + " to " + Config.MAX_BLOCK);
    }

    /**
     * How many hardware queues it has, each of which has threads of its own; the default is 1.
     *
     * @param number at most one for each processor
     */
    public DiskBuilder queues(int number) {
        queues = number;
        return check(number > 0, "queues", number, "must be more than 0");
    }

    /**
     * How many requests of a hardware queue may be under way; the default is 128.
     *
     * @param requests 1 to 4096
     */
    public DiskBuilder queueDepth(int requests) {
        queueDepth = requests;
        return check(requests > 0 && requests <= Config.MAX_DEPTH, "queueDepth", requests, "must be from 1 to " + Config.MAX_DEPTH);
    }

    /** Refuses writes. */
    public DiskBuilder readOnly() {
        return with(Flag.READ_ONLY);
    }

    /** Tells the backend of {@linkplain Backend#discard ranges that are not needed any more}. */
    public DiskBuilder discard() {
        return with(Flag.DISCARD);
    }

    /** Lets the users of the disk {@linkplain Backend#writeZeroes write zeroes} without sending them. */
    public DiskBuilder writeZeroes() {
        return with(Flag.WRITE_ZEROES);
    }

    /**
     * Has the kernel read the partition table, and make a device for each partition: those that are there already have theirs
     * when {@link #start} returns. Only for root.
     */
    public DiskBuilder partitions() {
        return with(Flag.PARTSCAN);
    }

    /** Says that each write is durable when it is answered: the backend is flushed after each, and its users need not flush. */
    public DiskBuilder writeThrough() {
        flags.remove(Flag.WRITE_CACHE);
        return this;
    }

    /**
     * Records what is written, for {@link CrashStates}, in a temporary folder that is there as long as the disk. What the backend
     * has at the start is copied there, so it is read once, and then all data that is written.
     */
    public DiskBuilder recorded() {
        recorded = true;
        return this;
    }

    /**
     * Fails requests that the backend has not answered for so long; the default is a minute. Without this, a thread of this
     * program that waits for a request of its own disk keeps a killed process from ending, if the backend no longer answers
     * either, because it was killed, too.
     *
     * @param time 0 for never, else from a millisecond to a day
     */
    public DiskBuilder requestTimeout(Duration time) {
        timeoutMs = (int) Math.min(Integer.MAX_VALUE, time.toMillis());
        return check(!time.isNegative() && timeoutMs <= Config.MAX_TIMEOUT_MS && (timeoutMs > 0 || time.isZero()), "requestTimeout",
                time, "must be 0, or from a millisecond to a day");
    }

    /**
     * Where the bytes of the disk are; the default is memory. The backend is closed with the disk; to start another disk
     * with it, its close must leave it usable, as that of {@link abuse.backend.HeapBackend} does.
     */
    public DiskBuilder backend(Backend backend) {
        Objects.requireNonNull(backend);
        opener(geometry -> backend);
        instance = backend;
        name = backend.getClass().getName();
        return this;
    }

    /**
     * A backend by the name that it has on the command line of abusectl: mem, null, file:PATH and so on, or one whose
     * {@link abuse.backend.BackendFactory} is on the class path.
     *
     * @throws IllegalArgumentException when there is no such backend
     */
    public DiskBuilder backend(String word) {
        var backends = new Backends();
        if (!backends.isName(word)) {
            throw new IllegalArgumentException("'" + backends.shown(word) + "' is not a backend; there are " + backends.names());
        }
        opener(geometry -> backends.open(word, Set.of(), geometry));
        name = backends.shown(word);
        return this;
    }

    /** Opens another backend for each disk, when its geometry is known. */
    public DiskBuilder opener(Opener each) {
        opener = Objects.requireNonNull(each);
        instance = null;
        name = "a Java program";
        return this;
    }

    /** What 'abusectl servers' shows that the disk is served from; call this after the backend was set. */
    public DiskBuilder name(String text) {
        name = Objects.requireNonNull(text);
        return this;
    }

    /** Who is told of problems; by default the {@link System.Logger} that is named like {@link Disk}. */
    public DiskBuilder listener(DiskListener told) {
        listener = Objects.requireNonNull(told);
        return this;
    }

    /**
     * Makes the disk, and serves it. When this returns, its node is there, and requests are answered.
     *
     * @throws DiskException when that cannot be done; then there is no disk, and the backend is closed if it was opened. When the
     *     thread is interrupted, this does not wait for a backend that is being opened, which is closed as soon as it is open
     * @throws IllegalStateException when nothing tells how large the disk is
     */
    public Disk start() throws DiskException {
        return start(ControlNode.ALL);
    }

    Disk start(Devices devices) throws DiskException {
        if (opener == null) {
            backend("mem");
        }
        long capacity = size > 0 || instance == null ? size : instance.size();
        if (capacity <= 0) {
            throw new IllegalStateException("nobody knows how large the disk is; call size()");
        }
        if (capacity % blockSize != 0) {
            throw new IllegalStateException("size " + capacity + " is not a multiple of the block size, " + blockSize);
        }
        var lasting = EnumSet.copyOf(flags);
        lasting.add(Flag.AUTOREMOVE);
        return Disk.start(devices, new Config(capacity, blockSize, 0, queueDepth, queues, 0, timeoutMs, 0, 0, Hints.NONE,
                lasting, false), name, opener, recorded ? new Recording() : null, listener);
    }

    private DiskBuilder with(Flag flag) {
        flags.add(flag);
        return this;
    }

    private DiskBuilder check(boolean right, String what, Object value, String rule) {
        if (!right) {
            throw new IllegalArgumentException(what + " " + value + " " + rule);
        }
        return this;
    }
}
