// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** A control node of the kernel module. */
public final class ControlNode implements Device {
    /** As whom a user namespace shows those whom it does not have, such as the root outside. */
    private static final int UNMAPPED_USER = 65534;
    private static final String PREFIX = "abctl";

    /** The control nodes in /dev. */
    public static final Devices ALL = new Devices() {
        @Override
        public Device open(String path) throws DeviceException {
            return new ControlNode(path);
        }

        @Override
        public List<String> list() {
            return nodes("/dev");
        }

        @Override
        public String make(int number) throws DeviceException {
            String hidden = hidden();
            if (hidden != null) {
                throw new DeviceException(hidden, Call.ADD, Unix.ENOENT);
            }
            DeviceException refusal = new DeviceException("/dev/" + PREFIX + "0", Call.OPEN, Unix.ENOENT);
            for (String path : list()) {
                try (var node = new ControlNode(path)) {
                    return "/dev/" + PREFIX + node.make(number);
                } catch (DeviceException e) {
                    if (e.call() != Call.OPEN) {
                        throw e;
                    }
                    refusal = e;
                }
            }
            throw refusal;
        }

        @Override
        public boolean isForeign(String path) {
            try {
                int owner = (int) Files.getAttribute(Path.of(path), "unix:uid");
                return owner != 0 && owner != UNMAPPED_USER
                        && owner != (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
            } catch (IOException e) {
                // Then it cannot be opened either, which has better words
                return false;
            }
        }

        @Override
        public void give(String path, UserPrincipal user) throws IOException {
            Files.setOwner(Path.of(path), user);
        }

        @Override
        public DiskStatistics statistics(Status status) throws IOException {
            return DiskStatistics.parse(Files.readString(Path.of("/sys/block", status.diskName(), "stat")));
        }

        @Override
        public Tracer trace(Status status, Set<TraceEvent.Kind> kinds) throws IOException {
            return new KernelTracer(status.number(), kinds);
        }

        @Override
        public List<String> users(Status status) {
            return DiskUsers.find(Path.of("/"), status.diskName());
        }

        @Override
        public boolean holds(Status status, Path file) {
            return DiskFiles.hold(Path.of("/"), status.diskName(), file);
        }

        @Override
        public void probe(Status status, long offset) throws IOException {
            DiskProbe.read(Path.of(status.disk()), status.blockSize(), offset);
        }

        @Override
        public Poller poller(int threads) throws IOException {
            return new ControlNodePoller(threads);
        }

        @Override
        public boolean isModuleLoaded() {
            return new File("/sys/module/abuse").exists();
        }
    };

    /** How long a node may come after its device. */
    private static final long NODE_NS = 1_000_000_000L;

    private final String path;
    private final int fd;

    private ControlNode(String path) throws DeviceException {
        this.path = path;
        fd = Unix.open(path, Unix.O_RDWR | Unix.O_CLOEXEC);
        if (fd < 0) {
            throw failure(Call.OPEN);
        }
    }

    private static List<String> nodes(String folder) {
        String[] names = new File(folder).list((directory, name) -> name.matches(PREFIX + "[0-9]{1,9}"));
        if (names == null) {
            return List.of();
        }
        Arrays.sort(names, Comparator.comparingInt(name -> Integer.parseInt(name.substring(PREFIX.length()))));
        return Arrays.stream(names).map(name -> "/dev/" + name).toList();
    }

    /**
     * A device that has no node in this /dev, because it is that of a container; null when there is none. Another device
     * would have no node either, and would be there until the module is unloaded.
     */
    private static String hidden() {
        long start = System.nanoTime();
        while (true) {
            if (!Files.isDirectory(Path.of("/sys/class/abuse"))) {
                // Nor can it be seen whether a new one would have a node
                return "/sys/class/abuse";
            }
            var paths = new ArrayList<>(nodes("/sys/class/abuse"));
            paths.removeAll(nodes("/dev"));
            if (paths.isEmpty()) {
                return null;
            }
            if (System.nanoTime() - start >= NODE_NS) {
                return paths.get(0);
            }
            LockSupport.parkNanos(20_000_000);
        }
    }

    /** Whether a path is that of a control node where the kernel makes them. */
    static boolean isPath(String path) {
        return path.matches("/dev/" + PREFIX + "[0-9]{1,9}");
    }

    @Override
    public String path() {
        return path;
    }

    int fd() {
        return fd;
    }

    @Override
    public Status status() throws DeviceException {
        try (Memory memory = readStatus()) {
            return Status.decode(memory.buffer());
        }
    }

    @Override
    public String nodeProblem() throws DeviceException {
        try (Memory memory = readStatus()) {
            ByteBuffer raw = memory.buffer();
            return DiskNode.problem(Path.of(Status.decode(raw).disk()), raw.getLong(Abi.Status.DEVICE));
        }
    }

    @Override
    public boolean rescan() throws DeviceException {
        int disk = Unix.open(status().disk(), Unix.O_RDONLY | Unix.O_CLOEXEC);
        if (disk < 0) {
            return true;
        }
        try {
            return Unix.ioctl(disk, Unix.BLKRRPART, 0) == 0 || Unix.errno() != Unix.EINVAL;
        } finally {
            Unix.close(disk);
        }
    }

    @Override
    public void setup(Config config) throws DeviceException {
        try (Memory memory = Memory.map(Abi.Config.SIZE_OF)) {
            config.encode(memory.buffer());
            ioctl(config.reconnect() ? Call.RECONNECT : Call.SETUP, Abi.ABUSE_SETUP, memory.address());
        }
    }

    @Override
    public void reset() throws DeviceException {
        ioctl(Call.RESET, Abi.ABUSE_RESET, 0);
    }

    @Override
    public void remove() throws DeviceException {
        ioctl(Call.REMOVE, Abi.ABUSE_REMOVE, 0);
    }

    @Override
    public void removeLazily() throws DeviceException {
        ioctl(Call.REMOVE, Abi.ABUSE_REMOVE_LAZY, 0);
    }

    @Override
    public OptionalInt quiesce(int milliseconds) throws DeviceException {
        return quiesce(0, milliseconds < 0 ? Abi.ABUSE_NO_LIMIT : milliseconds);
    }

    @Override
    public void resume() throws DeviceException {
        quiesce(Abi.ABUSE_QUIESCE_RESUME, 0);
    }

    private OptionalInt quiesce(int flags, int milliseconds) throws DeviceException {
        try (Memory memory = Memory.map(Abi.Quiesce.SIZE_OF)) {
            ByteBuffer raw = memory.buffer();
            raw.putInt(Abi.Quiesce.SIZE, Abi.Quiesce.SIZE_OF);
            raw.putInt(Abi.Quiesce.FLAGS, flags);
            raw.putInt(Abi.Quiesce.TIMEOUT_MS, milliseconds);
            long start = System.nanoTime();
            while (Unix.ioctl(fd, Abi.ABUSE_QUIESCE, memory.address()) < 0) {
                if (Unix.errno() == Unix.ETIME) {
                    return OptionalInt.of(raw.getInt(Abi.Quiesce.OWNED));
                }
                throwUnlessInterrupted(Call.QUIESCE);
                if (flags == 0 && !status().conditions().contains(Condition.QUIESCED)) {
                    // Somebody has resumed it since, which must not be undone
                    throw new DeviceException(path, Call.QUIESCE, Unix.ECANCELED);
                }
                if (milliseconds > 0) {
                    raw.putInt(Abi.Quiesce.TIMEOUT_MS, (int) Math.max(1, milliseconds - (System.nanoTime() - start) / 1_000_000));
                }
            }
            return OptionalInt.empty();
        }
    }

    @Override
    public void map(Mapping mapping) throws IOException {
        int target = mapping.open();
        try (Memory memory = Memory.map(Mapping.SIZE_OF)) {
            mapping.encode(memory.buffer(), memory.address(), target);
            while (Unix.ioctl(fd, Abi.ABUSE_MAP, memory.address()) < 0) {
                int errno = Unix.errno();
                IOException refusal = mapping.refusal(errno);
                if (refusal instanceof UnableException && !status().flags().contains(Flag.MAPPABLE)) {
                    throw new DeviceException(path, Call.MAP, errno);
                }
                if (refusal != null) {
                    throw refusal;
                }
                throwUnlessInterrupted(Call.MAP);
            }
        } finally {
            Unix.close(target);
        }
    }

    @Override
    public void lend(Loan loan) throws DeviceException {
        try (Memory memory = Memory.map(Mapping.SIZE_OF)) {
            loan.encode(memory.buffer(), memory.address());
            ioctl(Call.LEND, Abi.ABUSE_MAP, memory.address());
        }
    }

    @Override
    public int lent(long offset) throws DeviceException {
        try (Memory memory = Memory.map(Abi.Lent.SIZE_OF)) {
            memory.buffer().putInt(Abi.Lent.SIZE, Abi.Lent.SIZE_OF);
            memory.buffer().putLong(Abi.Lent.OFFSET, offset);
            ioctl(Call.LENT, Abi.ABUSE_LENT, memory.address());
            return memory.buffer().getInt(Abi.Lent.DESCRIPTOR);
        }
    }

    @Override
    public void unmap(long length, long[] offsets) throws DeviceException {
        for (int from = 0; from < offsets.length; from += Abi.ABUSE_MAX_BATCH) {
            int n = Math.min(Abi.ABUSE_MAX_BATCH, offsets.length - from);
            try (Memory memory = Memory.map(Abi.Extents.SIZE_OF + (long) n * Abi.Extent.SIZE_OF)) {
                Mapping.encode(memory.buffer(), memory.address(), 0, n);
                for (int i = 0; i < n; i++) {
                    Mapping.encode(memory.buffer(), i, offsets[from + i], length);
                }
                ioctl(Call.UNMAP, Abi.ABUSE_UNMAP, memory.address());
            }
        }
    }

    @Override
    public void forEachExtent(Consumer<Extent> action) throws DeviceException {
        var paths = new HashMap<Long, String>();
        Listing.forEach(at -> ioctl(Call.EXTENTS, Abi.ABUSE_EXTENTS, at), Abi.Extent.SIZE_OF,
                (from, at) -> Extent.decode(from, at, paths), action);
    }

    @Override
    public void serve(Serving serving) throws DeviceException {
        try (Memory memory = Memory.map(Abi.Serve.SIZE_OF)) {
            ByteBuffer raw = memory.buffer();
            serving.encode(raw);
            try {
                ioctl(Call.SERVE, Abi.ABUSE_SERVE, memory.address());
            } catch (DeviceException e) {
                throw e.reason() == DeviceException.Reason.BUSY
                        ? new OtherContentException(path, raw.getInt(Abi.Serve.PID), Serving.text(raw)) : e;
            }
        }
    }

    @Override
    public List<ServerStatus> servers() throws DeviceException {
        return Listing.read(at -> ioctl(Call.SERVERS, Abi.ABUSE_SERVERS, at), Abi.Server.SIZE_OF, ServerStatus::decode);
    }

    @Override
    public List<RequestStatus> requests() throws DeviceException {
        return Listing.read(at -> ioctl(Call.REQUESTS, Abi.ABUSE_REQUESTS, at), Abi.Request.SIZE_OF, RequestStatus::decode);
    }

    @Override
    public void requeue() throws DeviceException {
        ioctl(Call.REQUEUE, Abi.ABUSE_REQUEUE, 0);
    }

    @Override
    public void transfer(Batch batch) throws DeviceException {
        long argument = batch.prepare();
        while (Unix.ioctl(fd, Abi.ABUSE_XFER, argument) < 0) {
            throwUnlessInterrupted(Call.TRANSFER);
            argument = batch.prepareAgain();
        }
        batch.complete();
    }

    @Override
    public int pollUnanswered(int milliseconds) throws DeviceException {
        int events = Unix.poll(fd, Unix.POLLMSG, milliseconds);
        if (events < 0) {
            throw new DeviceException(path, Call.POLL, -events);
        }
        if (events != 0 && (events & Unix.POLLMSG) == 0) {
            // Hung up: the setup that was waited on is gone
            throw new DeviceException(path, Call.POLL, Unix.ENODEV);
        }
        return events;
    }

    @Override
    public void close() {
        Unix.close(fd);
    }

    private int make(int number) throws DeviceException {
        try (Memory memory = Memory.map(Integer.BYTES)) {
            memory.buffer().putInt(0, number < 0 ? Abi.ABUSE_ANY_DEVICE : number);
            ioctl(Call.ADD, Abi.ABUSE_ADD, memory.address());
            return memory.buffer().getInt(0);
        }
    }

    /** The structure as the kernel fills it in; the caller closes it. */
    private Memory readStatus() throws DeviceException {
        Memory memory = Memory.map(Abi.Status.SIZE_OF);
        try {
            memory.buffer().putInt(Abi.Status.SIZE, Abi.Status.SIZE_OF);
            ioctl(Call.STATUS, Abi.ABUSE_STATUS, memory.address());
            return memory;
        } catch (DeviceException e) {
            memory.close();
            throw e;
        }
    }

    private void ioctl(Call call, int request, long argument) throws DeviceException {
        while (Unix.ioctl(fd, request, argument) < 0) {
            throwUnlessInterrupted(call);
        }
    }

    private void throwUnlessInterrupted(Call call) throws DeviceException {
        DeviceException failure = failure(call);
        if (failure.reason() != DeviceException.Reason.INTERRUPTED) {
            throw failure;
        }
    }

    private DeviceException failure(Call call) {
        return new DeviceException(path, call, Unix.errno());
    }
}
