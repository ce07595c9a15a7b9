// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(600)
class ChildTest {
    @TempDir
    private Path directory;

    /** Starts a program, and waits. */
    static final class Parent {
        private Parent() {}

        public static void main(String[] arguments) throws Exception {
            start(Path.of(arguments[0]), "sleep", arguments[1]);
            System.out.println("started");
            Thread.sleep(Long.MAX_VALUE);
        }
    }

    private static Child start(Path folder, String... command) throws IOException {
        String path = folder.resolve("socket").toString();
        int socket = Unix.listen(path);
        assertTrue(socket > 0, Unix.strerror(-socket));
        try {
            return Child.start(socket, path, List.of(command));
        } finally {
            Unix.close(socket);
        }
    }

    private static boolean runs(String word) {
        return ProcessHandle.allProcesses().anyMatch(process -> process.info().commandLine().orElse("").contains(word));
    }

    private static void awaitGone(String word) throws InterruptedException {
        while (runs(word)) {
            Thread.sleep(5);
        }
    }

    @Test
    void it_gets_the_socket_and_nothing_else_and_has_a_group_of_its_own() throws Exception {
        Path found = directory.resolve("found");
        try (var other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            other.bind(UnixDomainSocketAddress.of(directory.resolve("other")));
            Child child = start(directory, "sh", "-c", "ls -l /proc/$$/fd >" + found + "; echo $LISTEN_FDS"
                    + " $((LISTEN_PID == $$)) $(($(cut -d' ' -f5 /proc/$$/stat) == $$)) >>" + found + "; exit 7");
            assertEquals(7, child.await());
        }
        List<String> lines = Files.readAllLines(found);
        assertEquals("1 1 1", lines.get(lines.size() - 1));
        // The shell itself keeps its output as 10 meanwhile
        List<String> open = lines.stream().filter(line -> line.contains(" -> ") && !line.contains(" 10 -> "))
                .map(line -> line.replaceFirst(".* (\\d+ -> )", "$1")).toList();
        assertEquals(4, open.size(), lines.toString());
        assertEquals("0 -> /dev/null", open.get(0));
        assertTrue(open.get(3).startsWith("3 -> socket:"), lines.toString());
    }

    @Test
    void it_takes_connections_and_they_fail_when_it_has_ended() throws Exception {
        String word = "1000000." + ProcessHandle.current().pid();
        Child child = start(directory, "sleep", word);
        var address = UnixDomainSocketAddress.of(directory.resolve("socket"));
        try (var connection = SocketChannel.open(address)) {
            assertTrue(connection.isConnected());
            child.terminate();
            assertEquals(128 + 15, child.await());
        }
        awaitGone(word);
        // The process beside it may not have closed the socket yet, and be killed a moment later
        while (takesConnections(address)) {
            Thread.sleep(5);
        }
        // Its number may be another's by now
        child.kill();
    }

    private static boolean takesConnections(UnixDomainSocketAddress address) {
        try {
            SocketChannel.open(address).close();
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void what_it_started_ends_with_it() throws Exception {
        String word = "2000000." + ProcessHandle.current().pid();
        Child child = start(directory, "sh", "-c", "sleep " + word + " & exit 0");
        assertEquals(0, child.await());
        awaitGone(word);
    }

    @Test
    void it_ends_with_a_process_that_is_killed() throws Exception {
        Path folder = Files.createDirectory(directory.resolve("folder"));
        String word = "3000000." + ProcessHandle.current().pid();
        Process parent = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), Parent.class.getName(), folder.toString(), word)
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        assertEquals("started", parent.inputReader().readLine());
        while (!runs("sleep " + word)) {
            Thread.sleep(5);
        }
        parent.destroyForcibly().waitFor();
        awaitGone("sleep " + word);
        while (Files.exists(folder)) {
            Thread.sleep(5);
        }
    }

    @Test
    void a_program_that_is_not_there() throws Exception {
        assertEquals(127, start(directory, "frob").await());
    }

    @Test
    void a_path_that_is_too_long_for_a_socket() {
        assertEquals(-Unix.ENAMETOOLONG, Unix.listen("/" + "x".repeat(108)));
        assertEquals(-Unix.ENOENT, Unix.listen(directory.resolve("none/socket").toString()));
    }
}
