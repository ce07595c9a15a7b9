// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** An NBD server in a process of its own, on a unix socket or on a port. */
final class NbdProcess {
    private final List<String> command;
    private final Path log;
    final String uri;
    private final Path socket;
    /** Where one that goes into the background writes who it is; null for others. */
    private Path pid;
    private ProcessHandle process;

    private NbdProcess(Path directory, List<String> command, Path socket, String uri) {
        this.command = command;
        this.socket = socket;
        this.uri = uri;
        log = directory.resolve("nbd.log");
    }

    /** nbdkit with one thread a connection, because Debian's aborts when a client is gone before many replies are sent. */
    static NbdProcess nbdkit(Path directory, String... arguments) throws Exception {
        Path socket = directory.resolve("nbdkit.sock");
        return new NbdProcess(directory, words(List.of("nbdkit", "-f", "-t", "1", "-U", socket.toString()), arguments), socket,
                "nbd+unix:///?socket=" + socket).start();
    }

    static NbdProcess qemu(Path directory, String... arguments) throws Exception {
        Path socket = directory.resolve("qemu.sock");
        return new NbdProcess(directory, words(List.of("qemu-nbd", "-t", "-e", "16", "-k", socket.toString()), arguments), socket,
                "nbd+unix:///?socket=" + socket).start();
    }

    static NbdProcess nbdkitOnPort(Path directory, String... arguments) throws Exception {
        int port = freePort();
        return new NbdProcess(directory, words(List.of("nbdkit", "-f", "-t", "1", "-i", "127.0.0.1", "-p",
                Integer.toString(port)), arguments), null, "nbd://127.0.0.1:" + port).start();
    }

    /** nbd-server, which has a process of its own for each connection; export has lines of its configuration. */
    static NbdProcess nbdServer(Path directory, String... export) throws Exception {
        int port = freePort();
        Path configuration = directory.resolve("nbd-server.conf");
        Files.write(configuration, words(List.of("[generic]", "listenaddr = 127.0.0.1", "port = " + port, "[disk]"), export));
        // Unpacked by "make test": where the package is installed, a server starts that nobody asked for
        Path unpacked = Path.of("../build/nbd-server/bin/nbd-server");
        Path pid = directory.resolve("nbd-server.pid");
        var server = new NbdProcess(directory, List.of(Files.exists(unpacked) ? unpacked.toString() : "nbd-server", "-C",
                configuration.toString(), "-p", pid.toString()), null, "nbd://127.0.0.1:" + port + "/disk");
        server.pid = pid;
        return server.start();
    }

    private static int freePort() throws IOException {
        try (var any = new ServerSocket(0)) {
            return any.getLocalPort();
        }
    }

    private static List<String> words(List<String> first, String... rest) {
        var all = new ArrayList<>(first);
        all.addAll(List.of(rest));
        return all;
    }

    NbdProcess start() throws Exception {
        if (socket != null) {
            Files.deleteIfExists(socket);
        }
        Process started = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        process = pid == null ? started.toHandle() : background(started);
        while (!listens()) {
            assertTrue(process.isAlive(), () -> "ended: " + log());
            Thread.sleep(5);
        }
        return this;
    }

    private ProcessHandle background(Process started) throws Exception {
        assertEquals(0, started.waitFor(), this::log);
        while (!Files.exists(pid) || !Files.readString(pid).endsWith("\n")) {
            Thread.sleep(5);
        }
        return ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).orElseThrow();
    }

    private String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private boolean listens() {
        try (var connection = SocketChannel.open(socket != null ? UnixDomainSocketAddress.of(socket)
                : new InetSocketAddress("127.0.0.1", URI.create(uri).getPort()))) {
            return connection.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    /** Ends it as a crash does. */
    void kill() throws Exception {
        var connections = process.descendants().toList();
        process.destroyForcibly();
        process.onExit().get();
        connections.forEach(ProcessHandle::destroyForcibly);
        if (pid != null) {
            Files.delete(pid);
        }
    }

    /** Has it hang. Its threads stop one after the other, and one of them may still answer until then. */
    void hang() throws Exception {
        signal("STOP");
        while (!isStopped()) {
            Thread.sleep(5);
        }
    }

    private boolean isStopped() throws IOException {
        try (var threads = Files.newDirectoryStream(Path.of("/proc/" + process.pid() + "/task"))) {
            for (Path thread : threads) {
                String stat = Files.readString(thread.resolve("stat"));
                if (stat.charAt(stat.lastIndexOf(')') + 2) != 'T') {
                    return false;
                }
            }
        }
        return true;
    }

    void signal(String signal) throws Exception {
        if (!process.isAlive()) {
            return;
        }
        new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).inheritIO().start().waitFor();
    }
}
