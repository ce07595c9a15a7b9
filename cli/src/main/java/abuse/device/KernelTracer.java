// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.Set;

/** Reads the module's tracepoints from a trace instance of its own, which it removes at the end. */
final class KernelTracer implements Tracer {
    private static final String PREFIX = "abusectl-";
    private static final int BUFFER = 64 * 1024;

    private final Path instance;
    private final int pipe;
    private final Memory memory = Memory.map(BUFFER);
    private final Deque<String> lines = new ArrayDeque<>();
    private final ProcessNames processes = new ProcessNames(Path.of("/proc"));
    private String rest = "";
    private long lost;
    private boolean closed;

    /**
     * Begins.
     *
     * @param number the device's
     * @param kinds the events to report; the others cost nothing
     */
    KernelTracer(int number, Set<TraceEvent.Kind> kinds) throws IOException {
        Path tracing = Path.of("/sys/kernel/tracing");
        Path instances = tracing.resolve("instances");
        if (!Files.isDirectory(instances)) {
            // Without permission to look into the directory, the instances seem to be missing
            throw new IOException(instances + (Files.isReadable(tracing)
                    ? ": No such file or directory; try 'mount -t tracefs tracefs /sys/kernel/tracing'"
                    : ": Permission denied; only root may trace"));
        }
        if (!Files.isDirectory(tracing.resolve("events/abuse"))) {
            throw new IOException(tracing.resolve("events/abuse") + ": No such file or directory; the module that is loaded"
                    + " has no tracepoints");
        }
        removeAbandoned(instances);
        instance = Files.createDirectory(instances.resolve(PREFIX + ProcessHandle.current().pid()));
        try {
            pipe = begin(number, kinds);
        } catch (IOException e) {
            Files.delete(instance);
            throw e;
        }
    }

    private int begin(int number, Set<TraceEvent.Kind> kinds) throws IOException {
        write("trace_clock", "mono");
        write("events/abuse/filter", "device == " + number);
        for (TraceEvent.Kind kind : kinds) {
            write("events/abuse/abuse_" + kind.word() + "/enable", "1");
        }
        String path = instance.resolve("trace_pipe").toString();
        int fd = Unix.open(path, Unix.O_RDONLY | Unix.O_NONBLOCK | Unix.O_CLOEXEC);
        if (fd < 0) {
            throw new IOException(path + ": " + Unix.strerror(Unix.errno()));
        }
        return fd;
    }

    @Override
    public synchronized Optional<TraceEvent> next(int milliseconds) throws IOException {
        if (lines.isEmpty() && !closed) {
            // Read in any case, as some kernels wake a poll only once the buffer is half full
            Unix.poll(pipe, Unix.POLLIN, milliseconds);
            read();
        }
        while (!lines.isEmpty()) {
            String line = lines.remove();
            Optional<TraceEvent> event = TraceEvent.parse(line);
            if (event.isPresent()) {
                return event.map(processes::resolve);
            }
            lost += TraceEvent.lost(line);
        }
        return Optional.empty();
    }

    @Override
    public synchronized long lost() {
        long count = lost;
        lost = 0;
        return count;
    }

    @Override
    public synchronized void stop() throws IOException {
        // The events themselves are gone if the module is
        if (!closed) {
            write("tracing_on", "0");
        }
    }

    @Override
    public synchronized void close() throws IOException {
        if (!closed) {
            closed = true;
            Unix.close(pipe);
            memory.close();
            Files.delete(instance);
        }
    }

    private void read() throws IOException {
        long count = Unix.read(pipe, memory.address(), BUFFER);
        if (count < 0) {
            int errno = Unix.errno();
            if (errno != Unix.EAGAIN && errno != Unix.EINTR) {
                throw new IOException(instance + ": " + Unix.strerror(errno));
            }
            return;
        }
        ByteBuffer bytes = memory.buffer().limit((int) count);
        String text = rest + UTF_8.decode(bytes);
        int start = 0;
        for (int end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
            lines.add(text.substring(start, end));
            start = end + 1;
        }
        rest = text.substring(start);
    }

    private void write(String file, String text) throws IOException {
        Files.writeString(instance.resolve(file), text, StandardOpenOption.WRITE);
    }

    /** Removes the instances of processes that were killed. */
    private static void removeAbandoned(Path instances) {
        String self = PREFIX + ProcessHandle.current().pid();
        String[] names = instances.toFile().list((directory, name) -> name.equals(self) || name.matches(PREFIX + "[0-9]+")
                && !new File("/proc/" + name.substring(PREFIX.length())).exists());
        for (String name : names == null ? new String[0] : names) {
            // One that is in use, by a process that is not to be seen from here, stays
            instances.resolve(name).toFile().delete();
        }
    }
}
