// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
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
    private Process process;

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
        int port;
        try (var any = new ServerSocket(0)) {
            port = any.getLocalPort();
        }
        return new NbdProcess(directory, words(List.of("nbdkit", "-f", "-t", "1", "-i", "127.0.0.1", "-p",
                Integer.toString(port)), arguments), null, "nbd://127.0.0.1:" + port).start();
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
        process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        while (!listens()) {
            assertTrue(process.isAlive(), () -> "ended with " + process.exitValue() + ": " + log());
            Thread.sleep(5);
        }
        return this;
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
                : new InetSocketAddress("127.0.0.1", Integer.parseInt(uri.substring(uri.lastIndexOf(':') + 1))))) {
            return connection.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    /** Ends it as a crash does. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    void signal(String signal) throws Exception {
        new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).inheritIO().start().waitFor();
    }
}
