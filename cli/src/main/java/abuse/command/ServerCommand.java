// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.Backend;
import abuse.backend.BackendFactory.Option;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.backend.Image;
import abuse.backend.ImageFormat;
import abuse.backend.Words;
import abuse.device.Batch;
import abuse.device.DeviceException;
import abuse.device.Status;
import abuse.server.Pinning;
import abuse.server.Server;
import abuse.server.ServiceManager;
import abuse.server.SizeMismatchException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Answers requests until told to stop. */
class ServerCommand extends Command {
    static final String FILE = "file:";
    /** The exit status of a command that a later signal ended at once. */
    static final String KILLED = "128+N";
    private static final String AUTO = "auto";

    private final PositionalParamSpec first;
    private final PositionalParamSpec second;
    private final OptionSpec create = flag("--create", "Make the image, sparse, when there is none.");
    private final OptionSpec direct = flag("--direct", "Read and write the image bypassing the page cache.");
    private final OptionSpec shared = flag("--shared",
            "Serve even if another server serves something else here, or another disk uses the image.");
    private final OptionSpec pin = flag("--pin",
            "Keep serving when memory runs out, for a disk with swap or the root filesystem.");
    private final OptionSpec noMap = flag("--no-map", "Do not let the kernel itself use the block device of file:, or the"
            + " memory of mem, if the disk was set up with 'mappable'.");
    private final OptionSpec cached = option("--cache", "DEVICE|SIZE[,piece=SIZE]", CacheOption.HELP);
    private final OptionSpec poll = optionWithDefault("--poll", "auto|USEC", AUTO,
            "Before sleeping, look for requests for USEC microseconds, or for as long as that is worth it: answers come"
                    + " sooner, and cost more CPU time.");
    private final OptionSpec deadline = option("--deadline", "SECONDS",
            "Fail requests that an NBD server, Ceph, a web server or a filter has not answered after so long; otherwise they wait until it does.");
    private final OptionSpec filters = options("--filter", "FILTER", "Let each request pass NAME[:KEY=VALUE,...], which can make it"
            + " fail, wait and more; repeatable, the outermost first; see abusectl-filter(8).");
    private final OptionSpec control = flag("--control", "Let 'abusectl filter' add filters later, even if there are none now; no"
            + " other server may serve the disk then.");
    private final OptionSpec plugins = options("--plugin", "JAR", "Load backends and filters from JAR; repeatable.");

    /** Null for a command that serves one disk only. */
    private OptionSpec all;
    private Server server;
    /** Whether a backend was given. */
    private boolean named;
    private int look;
    private long limit;
    /** Null without --cache. */
    private CacheOption cache;

    ServerCommand(Context context) {
        this(context, "server", "DEVICE", DeviceName.HELP, "Answers requests until told to stop.",
                "On SIGTERM, SIGINT and SIGHUP it answers what it has taken, and ends; the rest waits for another server. A"
                + " second SIGTERM or SIGINT, half a second later or more, ends it at once. It says on standard output when it is ready.");
        exitStatus(Map.of(KILLED, "ended at once by a second SIGTERM or SIGINT, whose number is N"));
        all = option("--all", "FILE", "Serve each disk that is a line of FILE: DEVICE BACKEND, then --create, --direct,"
                + " --shared, --control, --filter FILTER or setup=KEYS; - is standard input.");
    }

    /** A command that serves, with a first word of its own. */
    ServerCommand(Context context, String name, String label, String labelHelp, String... description) {
        super(context, name, description);
        first = words("0", label, labelHelp);
        second = words("1", "BACKEND",
                // Each begins a line, as a name must not be broken
                "null: reads zeros and forgets writes (default);", "mem: kept in memory;", "file:PATH: kept in an image file or on another"
                        + " block device, which must be as large as the disk;", "qcow2:PATH: in a qcow2 image;", "cow:BASE[,keep=PATH]: in an"
                        + " overlay of an image, which stays as it is, and in PATH if it is to be kept;", "nbd://HOST/EXPORT or",
                "nbd+unix:///EXPORT?socket=PATH: an export of an NBD server (nbds: with TLS);", "nbd-exec:COMMAND: of one that is started;",
                "rbd:POOL/IMAGE: an image of Ceph;", "http://HOST/PATH or https://HOST/PATH: a file on a web server, read-only;",
                "or a backend of a plug-in");
        helpTable("From the plug-ins:", this::helpOfPlugins);
    }

    private Plugins plugins() throws FailedException, IOException {
        List<String> jars = plugins.getValue();
        return new Plugins(jars == null ? List.of() : jars);
    }

    /** Help is shown even if there is something wrong with a jar, which it says then. */
    private Map<String, String> helpOfPlugins() {
        try {
            return plugins.getValue() == null ? Map.of() : plugins().help();
        } catch (FailedException | IOException e) {
            return Map.of("--plugin", e.getMessage());
        }
    }

    /** The backends, once the options are read. */
    Backends backends;
    /** What requests pass; null with --all. */
    private DiskFilters passed;

    @Override
    void execute() throws Exception {
        look = look();
        var words = new ArrayList<String>();
        for (PositionalParamSpec word : List.of(first, second)) {
            if (word.getValue() != null) {
                words.add(word.getValue());
            }
        }
        Plugins loaded = plugins();
        backends = loaded.backends();
        if (all != null && all.getValue() != null) {
            pin();
            serveAll(loaded);
            return;
        }
        cache = cache();
        checkBlanks(words);
        int last = words.size() - 1;
        named = last >= 0 && (last > 0 || backends.isName(words.get(0)) || !isMeantFirst(words.get(0)));
        String backend = named ? words.remove(last) : "null";
        if (last > 0 && backends.isName(words.get(0)) && !backends.isName(backend) && isMeantFirst(backend)) {
            throw new UsageException("'" + backends.shown(backend) + "' belongs before '" + backends.shown(words.get(0)) + "', which is the backend");
        }
        BackendOptions.check(backends, backend);
        if (!words.isEmpty() && backends.isName(words.get(0))) {
            throw new UsageException("'" + backends.shown(words.get(0)) + "' and '" + backends.shown(backend) + "' are both backends; only one can be"
                    + " served");
        }
        Set<Option> options = new BackendOptions(isSet(create), isSet(direct), isSet(shared), isSet(pin)).of(backends, backend);
        String node = servedNode(words.isEmpty() ? null : words.get(0));
        passed = new DiskFilters(context, node, loaded::filters, filters.getValue(),
                isSet(control), isSet(shared));
        if (cache != null) {
            passed.cached();
        }
        limit = limit(backend);
        // A server that waits until its disk is set up does not need its image before
        if (node == null || !Files.exists(Path.of(node))) {
            checkImage(backend);
        }
        pin();
        serve(words.isEmpty() ? null : words.get(0), backend, opener(backend, options));
    }

    /** A key of a filter behind a blank would be taken for one of a setup, or for a backend. */
    private void checkBlanks(List<String> words) throws UsageException {
        if (filters.getValue() == null) {
            return;
        }
        for (String word : words) {
            String meant = SetupKeys.isKey(word.replaceFirst("=.*", "")) ? ""
                    : FilterOption.behindBlank(spec.commandLine().getParseResult().originalArgs(), word);
            if (!meant.isEmpty()) {
                throw new UsageException("unexpected argument '" + word + "'" + meant);
            }
        }
    }

    /** What is wrong with an image of this machine is told before anything about devices, which have nothing to do with it. */
    private void checkImage(String backend) throws IOException {
        if (!backend.startsWith(FILE)) {
            if (backend.startsWith("qcow2:") || backend.startsWith("cow:")) {
                backends.look(backend);
            }
            return;
        }
        Path path = Path.of(backend.substring(FILE.length()));
        try {
            if (Files.readAttributes(path, BasicFileAttributes.class).isDirectory()) {
                throw new IOException(path + ": Is a directory");
            }
        } catch (NoSuchFileException e) {
            if (!isSet(create)) {
                throw new IOException(path + ": No such file or directory; add --create to make it", e);
            }
        }
    }

    /** Starts anew, so before anything is read that cannot be read twice. */
    private void pin() throws IOException {
        if (isSet(pin)) {
            Pinning.pin();
        }
    }

    /** Opens a backend, which may take its time to lock the memory of the disk. */
    Server.BackendOpener opener(String backend, Set<Option> options) {
        return geometry -> {
            if (!options.contains(Option.PINNED)) {
                return backends.open(backend, options, geometry);
            }
            var progress = new Progress(context, "locking memory", geometry.capacity(), Pinning::resident);
            try {
                return backends.open(backend, options, geometry);
            } finally {
                progress.end();
            }
        };
    }

    /** Serves the disks of a file. */
    private void serveAll(Plugins loaded) throws Exception {
        for (OptionSpec option : List.of(create, direct, shared, control)) {
            if (isSet(option)) {
                throw new UsageException("with --all, " + option.longestName() + " belongs in the lines of the file");
            }
        }
        if (filters.getValue() != null) {
            throw new UsageException("with --all, --filter belongs in the lines of the file");
        }
        if (deadline.getValue() != null) {
            throw new UsageException("with --all, --deadline is not supported; serve that disk alone");
        }
        if (poll.getValue() != null) {
            throw new UsageException("with --all, --poll is of no use: the server waits for all disks at once");
        }
        if (isSet(noMap)) {
            throw new UsageException("with --all, --no-map is not possible; leave 'mappable' out of the setup of that disk");
        }
        if (cached.getValue() != null) {
            throw new UsageException("with --all, --cache is not supported; serve that disk alone");
        }
        if (first.getValue() != null) {
            throw new UsageException("with --all, '" + backends.shown(first.getValue()) + "' belongs in a line of the file");
        }
        new AllDisks(this, DiskList.read(all.getValue(), context, backends, isSet(pin), loaded::filters)).serve();
    }

    /** Serves what the first word, if there is one, names. */
    void serve(String word, String backend, Server.BackendOpener opener) throws Exception {
        String path = path(word);
        serve(path, backend, opener, status -> ready(path, text(backend), status));
    }

    /** The control node of the disk that the first word, if there is one, names; null if the disk is yet to be made. */
    String servedNode(String word) throws UsageException {
        return path(word);
    }

    /** A backend for a command that a person may type; without one that was given, which the default need not be, a place for it. */
    final String typed(String backend) {
        return named ? Words.escaped(backends.shown(backend)) : "BACKEND";
    }

    /** What is served, in words. */
    final String text(String backend) {
        String whole = passed.text(backends.shown(backend));
        return cache == null ? whole : cache.text(whole);
    }

    /** Whether the disk must be mappable. */
    final boolean isCached() {
        return cache != null;
    }

    /** Opens a backend, behind the filters and the cache if there are any. */
    private Backend open(String path, Server.BackendOpener opener, Geometry geometry) throws IOException {
        return cache == null ? passed.open(path, opener, geometry)
                : cache.open(path, unmapped -> passed.open(path, opener, unmapped), geometry);
    }

    static String ready(String path, String backend, Status status) {
        return "abusectl: " + path + ": serving " + Sizes.exact(status.capacity()) + " from " + backend + " on "
                + status.disk() + ", " + status.queues() + (status.queues() == 1 ? " queue" : " queues");
    }

    static String waiting(String path) {
        return path + ": not set up yet; waiting for 'abusectl setup " + path + "'";
    }

    /** How long to look for requests before sleeping, in nanoseconds; negative for as long as it is worth it. */
    private int look() throws UsageException {
        String value = poll.getValue();
        if (value == null || value.equals(AUTO)) {
            return value == null ? 0 : -1;
        }
        if (!value.matches("[0-9]+")) {
            throw new UsageException("--poll=" + value + " is neither auto nor a number of microseconds");
        }
        long microseconds = Sizes.number("--poll=", value);
        if (microseconds > Batch.MAX_LOOK / 1000) {
            throw new UsageException("--poll=" + value + " is longer than " + Batch.MAX_LOOK / 1000 + " microseconds");
        }
        return (int) microseconds * 1000;
    }

    /** What --cache asks for; null for none. */
    private CacheOption cache() throws UsageException, IOException {
        if (cached.getValue() == null) {
            return null;
        }
        for (OptionSpec other : List.of(noMap, shared, pin, control)) {
            if (isSet(other)) {
                throw new UsageException("--cache and " + other.longestName() + " exclude each other");
            }
        }
        return CacheOption.parse(context, cached.getValue());
    }

    /** How long a request may take, in nanoseconds; 0 without a limit. */
    private long limit(String backend) throws UsageException {
        String value = deadline.getValue();
        if (value == null) {
            return 0;
        }
        if (!backends.knows(backend, Option.DEADLINE) && !passed.arePossible()) {
            throw new UsageException("--deadline is valid only with " + backends.namesWith(Option.DEADLINE) + ", or with --filter or --control");
        }
        long milliseconds = Seconds.milliseconds("--deadline=", value);
        if (milliseconds == 0) {
            throw new UsageException("--deadline=" + value + " must be more than 0");
        }
        return milliseconds * 1_000_000;
    }

    /** Whether a word is meant as the first one, and not as a backend. */
    boolean isMeantFirst(String word) {
        return DeviceName.isOne(word);
    }

    /** Whether the command is useless if nobody reads that it is ready. */
    boolean mustBeHeard() {
        return false;
    }

    /** What to do when a backend has another size than the device. */
    String sizeAdvice(String path, SizeMismatchException e) {
        return e.size() > e.capacity() ? "try 'abusectl resize " + path + " " + e.size() + "'"
                : "'abusectl setup " + path + " sz=" + e.size() + "' makes a disk of that size, after"
                        + " 'abusectl reset " + path + "'";
    }

    /** Serves a device, and says so when it is ready. */
    final void serve(String path, String backend, Server.BackendOpener opener, Function<Status, String> words)
            throws Exception {
        var serviceManager = new ServiceManager(context.environment.get("NOTIFY_SOCKET"));
        server = new Server(context.devices, path, text(backend), geometry -> {
            warn(path, backend, geometry, context::complain);
            return open(path, opener, geometry);
        }, new Server.Listener() {
            @Override
            public void waiting() {
                context.complain(ServerCommand.waiting(path));
            }

            @Override
            public void ready(Status status) {
                passed.ready();
                context.out.println(words.apply(status));
                context.out.flush();
                if (mustBeHeard() && context.bytesOut.lost() != null) {
                    server.stop();
                    return;
                }
                serviceManager.tell("READY=1");
            }

            @Override
            public void problem(String message) {
                context.complain(path + ": " + message);
            }
        });
        server.lookFor(look);
        server.limitTo(limit);
        if (isSet(shared)) {
            server.shared();
        }
        if (isSet(noMap)) {
            server.withoutMap();
        }
        onStop(() -> {
            serviceManager.tell("STOPPING=1");
            server.stop();
        });
        if (cache != null) {
            context.signals.onQuestion(() -> cache.tell(path));
        }
        try {
            server.run();
        } catch (SizeMismatchException e) {
            throw new FailedException(mismatch(path, backend, e), e);
        } catch (DeviceException e) {
            if (e.reason() == DeviceException.Reason.NOT_SET_UP) {
                wasReset(new FailedException(path + ": " + e.getMessage() + "; it was reset, so the server ends", e));
                return;
            }
            throw e;
        }
    }

    /** Says that a backend and its device differ in size, and what to do. */
    final String mismatch(String path, String backend, SizeMismatchException e) {
        boolean empty = e.size() == 0 && backend.startsWith(FILE);
        return backends.shown(backend) + (!empty ? ": holds " + inFull(e.size()) + ", but " + path + " has " + inFull(e.capacity()) + "; "
                + sizeAdvice(path, e)
                : Files.isRegularFile(Path.of(backend.substring(FILE.length())))
                        ? ": is empty; add --create to make it as large as the disk"
                        : ": holds no bytes, and is not a file that can be made larger");
    }

    /** Called when the device was reset. */
    void wasReset(FailedException e) throws FailedException {
        throw e;
    }

    /** Sets what the first signal does. */
    void onStop(Runnable stop) {
        context.signals.onStop(stop);
    }

    /**
     * Only warns of an image that does not fit, as it may be about to be overwritten, and of one that the users of the
     * disk may have made one of qemu.
     *
     * @throws IOException if it is one of qemu of another size
     */
    final void warn(String path, String backend, Geometry geometry, Consumer<String> administrator) throws IOException {
        Image image = backends.look(backend);
        String qcow2 = Qcow2File.path(backend);
        if (qcow2 != null) {
            if (image == null || image.size() != geometry.capacity()) {
                throw new IOException(Qcow2File.words(qcow2, ""));
            }
            administrator.accept(path + ": " + Qcow2File.words(qcow2, ", and is served as it is"));
        }
        if (image != null && image.format() != null && !image.fits(geometry.blockSize())) {
            ImageFormat format = image.format();
            administrator.accept(backends.shown(backend) + ": its " + format.name() + " is for blocks of " + format.sectorSize()
                    + " bytes, and may not work with those of " + path + ", which have " + geometry.blockSize()
                    + "; set up with bs=" + format.sectorSize());
        }
    }

    private static String inFull(long bytes) {
        String exact = Sizes.exact(bytes);
        return exact.endsWith("bytes") ? exact : exact + " (" + bytes + " bytes)";
    }
}
