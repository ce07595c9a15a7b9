// SPDX-License-Identifier: Apache-2.0
package abuse;

import abuse.command.Cli;
import abuse.command.Context;
import abuse.device.Batch;
import abuse.device.Config;
import abuse.device.ControlNode;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Devices;
import abuse.device.DiskStatistics;
import abuse.device.Flag;
import abuse.device.Serving;
import abuse.device.Status;
import abuse.device.Tracer;
import abuse.libc.NativePart;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Does once what short commands do, while Java takes down which classes they need: see the launcher,
 * abusectl. No device of this machine is opened. Puts JNR's native library where it is found at once, too,
 * instead of being unpacked.
 */
final class Training {
    private Training() {}

    static void run(Path directory) {
        try {
            NativePart.copyTo(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        for (boolean works : new boolean[] {false, true}) {
            for (String command : List.of("--version", "info 0", "info", "info --json 0", "list", "setup frob",
                    "setup 0 sz=64M", "requeue 0", "reset 0", "resize 0 64M")) {
                var context = new Context(InputStream.nullInputStream(), OutputStream.nullOutputStream(),
                        OutputStream.nullOutputStream(), Map.of(), new OneDevice(works), stop -> {}, () -> false);
                new Cli(context).run(command.split(" "));
            }
        }
    }

    /**
     * A machine with one device.
     *
     * @param works it shows itself and does nothing; else it is opened in earnest, but is /dev/null
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
        public DiskStatistics statistics(Status status) {
            return DiskStatistics.NONE;
        }

        @Override
        public Tracer trace(Status status) {
            throw new UnsupportedOperationException();
        }

        @Override
        public List<String> users(Status status) {
            return List.of();
        }

        @Override
        public void probe(Status status, long offset) {}

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
            return Status.fresh(0, new Config(1 << 24, 4096, 0, 128, 1, 0, 0, Set.of(Flag.WRITE_CACHE), false));
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
        public void serve(Serving serving) {}

        @Override
        public void requeue() {}

        @Override
        public void transfer(Batch batch) throws DeviceException {
            throw new UnsupportedOperationException();
        }

        @Override
        public int pollUnanswered(int milliseconds) {
            return 0;
        }

        @Override
        public void close() {}
    }
}
