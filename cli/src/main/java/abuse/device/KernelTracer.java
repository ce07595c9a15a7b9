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

/** Reads the kernel's block tracepoints from a trace instance of its own, which it removes at the end. */
final class KernelTracer implements Tracer {
    private static final String PREFIX = "abusectl-";
    private static final String[] EVENTS = {"block_rq_issue", "block_rq_complete"};
    private static final int BUFFER = 64 * 1024;

    private final Path instance;
    private final int pipe;
    private final Memory memory = Memory.map(BUFFER);
    private final Deque<String> lines = new ArrayDeque<>();
    private String rest = "";

    KernelTracer(String disk) throws IOException {
        Path instances = Path.of("/sys/kernel/tracing/instances");
        if (!Files.isDirectory(instances)) {
            // Without permission to look into the directory, the instances seem to be missing
            throw new IOException(instances + (Files.isReadable(instances.getParent())
                    ? ": No such file or directory; try 'mount -t tracefs tracefs /sys/kernel/tracing'"
                    : ": Permission denied; only root may trace"));
        }
        removeAbandoned(instances);
        String[] device = Files.readString(Path.of("/sys/block", disk, "dev")).trim().split(":");
        long number = Long.parseLong(device[0]) << 20 | Long.parseLong(device[1]);
        instance = Files.createDirectory(instances.resolve(PREFIX + ProcessHandle.current().pid()));
        try {
            pipe = begin(number);
        } catch (IOException e) {
            Files.delete(instance);
            throw e;
        }
    }

    private int begin(long number) throws IOException {
        write("trace_clock", "mono");
        for (String event : EVENTS) {
            write("events/block/" + event + "/filter", "dev == " + number);
            write("events/block/" + event + "/enable", "1");
        }
        String path = instance.resolve("trace_pipe").toString();
        int fd = Unix.open(path, Unix.O_RDONLY | Unix.O_NONBLOCK | Unix.O_CLOEXEC);
        if (fd < 0) {
            throw new IOException(path + ": " + Unix.strerror(Unix.errno()));
        }
        return fd;
    }

    @Override
    public Optional<BlockEvent> next(int milliseconds) throws IOException {
        if (lines.isEmpty() && Unix.poll(pipe, Unix.POLLIN, milliseconds) > 0) {
            read();
        }
        while (!lines.isEmpty()) {
            Optional<BlockEvent> event = BlockEvent.parse(lines.remove());
            if (event.isPresent()) {
                return event;
            }
        }
        return Optional.empty();
    }

    @Override
    public void stop() throws IOException {
        for (String event : EVENTS) {
            write("events/block/" + event + "/enable", "0");
        }
    }

    @Override
    public void close() throws IOException {
        Unix.close(pipe);
        memory.close();
        Files.delete(instance);
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
    private static void removeAbandoned(Path instances) throws IOException {
        String[] names = instances.toFile().list((directory, name) -> name.matches(PREFIX + "[0-9]+")
                && !new File("/proc/" + name.substring(PREFIX.length())).exists());
        for (String name : names == null ? new String[0] : names) {
            Files.delete(instances.resolve(name));
        }
    }
}
