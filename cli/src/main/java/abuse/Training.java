// SPDX-License-Identifier: Apache-2.0
package abuse;

import abuse.command.Cli;
import abuse.device.Batch;
import abuse.device.Config;
import abuse.device.ControlNode;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Devices;
import abuse.device.DiskStatistics;
import abuse.device.Extent;
import abuse.device.Flag;
import abuse.device.Hints;
import abuse.device.Loan;
import abuse.device.Mapping;
import abuse.device.Operation;
import abuse.device.Poller;
import abuse.device.RequestStatus;
import abuse.device.ServerStatus;
import abuse.device.Serving;
import abuse.device.Status;
import abuse.device.TraceEvent;
import abuse.device.Tracer;
import abuse.libc.NativePart;
import abuse.libc.Unix;
import abuse.server.ControlClient;
import abuse.server.ControlReply;
import abuse.server.ControlSocket;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Runs the commands whose start must be fast, while Java records which classes they need; see the launcher, abusectl.
 * No device of this machine is opened. It also copies JNR's native library to where it is found without being unpacked.
 */
final class Training {
    private Training() {}

    static void run(Path directory) {
        Path image = directory.resolve("training");
        try {
            NativePart.copyTo(directory);
            for (boolean works : new boolean[] {false, true}) {
                for (String command : List.of("--version", "info 0", "info", "info --json 0", "list", "servers 0", "requests 0",
                        "metrics", "setup frob", "setup 0 sz=64M", "requeue 0", "quiesce 0", "resume 0", "reset 0", "resize 0 64M")) {
                    run(works, command.split(" "));
                }
            }
            // Last, as what stops a server takes signals from then on
            run(true, "server", "0", "mem");
            run(true, "server", "0", "--create", "file:" + image);
            Files.deleteIfExists(image);
            tellServer(directory.resolve("control"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A server's thread that swap may depend on, and what 'abusectl filter' needs. */
    private static void tellServer(Path socket) throws IOException {
        var failed = new AtomicBoolean();
        ControlSocket server = new ControlSocket(socket, ControlReply::done, problem -> failed.set(true)).start();
        try {
            while (!Files.exists(socket) && !failed.get()) {
                Thread.onSpinWait();
            }
            ControlClient.ask(socket, List.of("list"));
        } finally {
            server.close();
        }
    }

    private static void run(boolean works, String... words) {
        new Cli(Main.context(InputStream.nullInputStream(), OutputStream.nullOutputStream(),
                OutputStream.nullOutputStream(), new OneDevice(works))).run(words);
    }

    /**
     * A machine with one device.
     *
     * @param works whether it pretends to be set up, and has no request; else it is /dev/null, which refuses all calls
     */
    private record OneDevice(boolean works) implements Devices, Device {
        @Override
        public Device open(String path) throws DeviceException {
            return works ? this : ControlNode.ALL.open("/dev/null");
        }

        @Override
        public List<String> list() {
            ControlNode.ALL.list();
            return List.of("/dev/abctl0");
        }

        @Override
        public String make(int number) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void give(String path, UserPrincipal user) {}

        @Override
        public DiskStatistics statistics(Status status) {
            return DiskStatistics.NONE;
        }

        @Override
        public Tracer trace(Status status, Set<TraceEvent.Kind> kinds) {
            throw new UnsupportedOperationException();
        }

        @Override
        public List<String> users(Status status) {
            return List.of();
        }

        @Override
        public boolean holds(Status status, Path file) {
            return false;
        }

        @Override
        public void probe(Status status, long offset) {}

        @Override
        public Poller poller(int threads) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean isModuleLoaded() {
            return ControlNode.ALL.isModuleLoaded();
        }

        @Override
        public String path() {
            return "/dev/abctl0";
        }

        @Override
        public Status status() {
            return Status.fresh(0, new Config(1 << 24, 4096, 0, 128, 1, 0, 0, 0, 0, Hints.NONE, Set.of(Flag.WRITE_CACHE), false));
        }

        @Override
        public boolean rescan() {
            return true;
        }

        @Override
        public String nodeProblem() {
            return null;
        }

        @Override
        public void setup(Config config) {}

        @Override
        public void reset() {}

        @Override
        public void remove() {}

        @Override
        public void removeLazily() {}

        @Override
        public OptionalInt quiesce(int milliseconds) {
            return OptionalInt.empty();
        }

        @Override
        public void resume() {}

        @Override
        public void serve(Serving serving) throws DeviceException {
            try (Device none = ControlNode.ALL.open("/dev/null")) {
                none.serve(serving);
            } catch (DeviceException e) {
                // It has been put into the words of the kernel, for which it needs classes, too
            }
        }

        @Override
        public List<ServerStatus> servers() {
            return List.of(new ServerStatus(1, 1, 0, 0, false, false, 1, 1, 1500, 0, 1, 0, 0, "java", "mem"));
        }

        @Override
        public void map(Mapping mapping) {}

        @Override
        public void unmap(long length, long[] offsets) {}

        @Override
        public void lend(Loan loan) {}

        @Override
        public int lent(long offset) {
            return -1;
        }

        @Override
        public void forEachExtent(Consumer<Extent> action) {
            // Nothing is mapped
        }

        @Override
        public List<RequestStatus> requests() {
            return List.of(new RequestStatus(Operation.READ, 0, 4096, Set.of(), RequestStatus.Ownership.OWNED, 0, 1, 1500, 1, 1));
        }

        @Override
        public void requeue() {}

        @Override
        public void transfer(Batch batch) throws DeviceException {
            // As after a reset, which ends a server
            throw new DeviceException(path(), DeviceException.Call.TRANSFER, Unix.ENODEV);
        }

        @Override
        public int pollUnanswered(int milliseconds) {
            return 0;
        }

        @Override
        public void close() {}
    }
}
