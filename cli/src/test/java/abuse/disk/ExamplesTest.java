// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import abuse.backend.Backend;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLClassLoader;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The examples of backends that answer later have a hundred requests under way. */
@Timeout(600)
class ExamplesTest {
    private static final Path EXAMPLES = Path.of("src/test/example");

    @TempDir
    private Path directory;

    @Test
    void futures() throws Exception {
        assertEquals(0, ToolProvider.getSystemJavaCompiler().run(null, null, null, "-Xlint:all", "-Werror", "-cp", "target/classes",
                "-d", directory.toString(), EXAMPLES.resolve("HttpFutures.java").toString()));
        var asked = new CountDownLatch(ManyAtOnce.READS);
        var threads = Executors.newCachedThreadPool();
        HttpServer web = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), ManyAtOnce.READS);
        web.setExecutor(threads);
        web.createContext("/disk", exchange -> {
            try (exchange) {
                String range = exchange.getRequestHeaders().getFirst("Range");
                long offset = Long.parseLong(range.replaceAll("bytes=|-.*", ""));
                asked.countDown();
                asked.await();
                exchange.sendResponseHeaders(206, ManyAtOnce.BLOCK);
                exchange.getResponseBody().write(ManyAtOnce.block((int) (offset / ManyAtOnce.BLOCK)));
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
        });
        web.start();
        var uri = URI.create("http://localhost:" + web.getAddress().getPort() + "/disk");
        try (var loader = new URLClassLoader(new URL[] {directory.toUri().toURL()}, getClass().getClassLoader())) {
            var backend = (Backend) loader.loadClass("HttpFutures").getConstructor(URI.class).newInstance(uri);
            try (var disk = SimulatedDisk.start(Disk.builder().size(ManyAtOnce.READS * ManyAtOnce.BLOCK).backend(backend)
                    .listener(message -> {}))) {
                assertEquals(ManyAtOnce.READS, ManyAtOnce.read(disk));
                disk.flush();
                assertThrows(IOException.class, () -> disk.write(0, new byte[ManyAtOnce.BLOCK]));
            }
        } finally {
            web.stop(0);
            threads.shutdown();
        }
    }

    /** One for each Java on this machine that has virtual threads; Debian 12 has none. */
    @TestFactory
    Stream<DynamicTest> virtual_threads() throws IOException {
        List<Path> homes;
        try (var list = Files.list(Path.of("/usr/lib/jvm"))) {
            homes = list.filter(home -> !Files.isSymbolicLink(home) && version(home) >= 21).toList();
        }
        return homes.stream().map(home -> DynamicTest.dynamicTest("Java " + version(home), () -> {
            String path = "target/classes:target/test-classes:" + System.getProperty("java.class.path") + ":" + directory;
            run(home.resolve("bin/javac"), "-Xlint:all", "-Werror", "-cp", "target/classes", "-d", directory.toString(),
                    EXAMPLES.resolve("VirtualThreads.java").toString());
            assertEquals(ManyAtOnce.READS + " reads\n", run(home.resolve("bin/java"), "-Xmx256m", "--enable-native-access=ALL-UNNAMED",
                    "-cp", path, "abuse.disk.ManyAtOnce", "VirtualThreads"));
        }));
    }

    /** 0 for one that can compile nothing. */
    private static int version(Path home) {
        if (!Files.isExecutable(home.resolve("bin/javac"))) {
            return 0;
        }
        var release = new Properties();
        try (var in = Files.newInputStream(home.resolve("release"))) {
            release.load(in);
            // As in JAVA_VERSION="25.0.3"
            return Integer.parseInt(release.getProperty("JAVA_VERSION").replaceAll("^\"([0-9]+).*", "$1"));
        } catch (IOException e) {
            return 0;
        }
    }

    private static String run(Path program, String... arguments) throws Exception {
        var words = Stream.concat(Stream.of(program.toString()), Stream.of(arguments)).toList();
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
