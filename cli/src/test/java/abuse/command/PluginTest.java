// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.SimulatedDisk;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/** A backend that somebody else wrote: compiled against the program's classes only, put into a jar, and used by a server. */
class PluginTest extends CommandTestBase {
    private static final String SERVICES = "META-INF/services/abuse.backend.BackendFactory";

    private byte[] image = new byte[1 << 20];

    /** Makes a jar with the classes of one source file, which names one factory. */
    private String jar(Path source, String factory) throws IOException {
        Path classes = Files.createDirectory(directory.resolve("classes"));
        assertEquals(0, ToolProvider.getSystemJavaCompiler().run(null, null, null, "-Xlint:all", "-cp", "target/classes",
                "-d", classes.toString(), source.toString()));
        Path jar = directory.resolve("plugin.jar");
        try (var to = new JarOutputStream(Files.newOutputStream(jar)); var files = Files.list(classes)) {
            for (Path file : files.toList()) {
                to.putNextEntry(new JarEntry(file.getFileName().toString()));
                Files.copy(file, to);
            }
            to.putNextEntry(new JarEntry(SERVICES));
            to.write(factory.getBytes());
        }
        return jar.toString();
    }

    /** Answers as a web server with the image, as far as a disk needs it. */
    private void answer(HttpExchange exchange) throws IOException {
        String range = exchange.getRequestHeaders().getFirst("Range");
        if (range == null) {
            exchange.sendResponseHeaders(200, image.length);
        } else if (!exchange.getRequestURI().getPath().equals("/disk")) {
            exchange.sendResponseHeaders(404, -1);
        } else {
            String[] ends = range.substring("bytes=".length()).split("-");
            byte[] part = Arrays.copyOfRange(image, Integer.parseInt(ends[0]), Integer.parseInt(ends[1]) + 1);
            exchange.sendResponseHeaders(206, part.length);
            exchange.getResponseBody().write(part);
        }
        exchange.close();
    }

    @Test
    void the_example_serves_a_disk_from_the_web() throws Exception {
        String jar = jar(Path.of("src/test/example/HttpBackend.java"), "HttpBackend");
        new Random(1).nextBytes(image);
        HttpServer web = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        web.createContext("/", this::answer);
        web.start();
        try {
            SimulatedDisk disk = devices.add(0).setUp(image.length, Flag.WRITE_CACHE);
            String url = "http://localhost:" + web.getAddress().getPort() + "/disk";
            var server = start("server", "--plugin", jar, url).awaitReady();
            byte[] whole = new byte[image.length];
            for (int offset = 0; offset < image.length; offset += 1 << 16) {
                var answer = disk.read(offset, 1 << 16).await();
                assertFalse(answer.failed(), server.err());
                System.arraycopy(answer.data(), 0, whole, offset, 1 << 16);
            }
            assertArrayEquals(image, whole);
            assertTrue(disk.write(0, new byte[4096]).await().failed());
            server.signal();
            assertEquals(0, server.end().exitCode());
            assertEquals("abusectl: /dev/abctl0: serving 1 MiB from " + url + " on /dev/abuse0, 1 queue\n", server.out());
            assertEquals("abusectl: /dev/abctl0: " + url + ": read-only\n", server.err());
        } finally {
            web.stop(0);
        }
    }

    @Test
    void a_jar_without_a_backend_or_no_jar_is_told_in_one_line() throws Exception {
        devices.add(0).setUp(1 << 20);
        String jar = jar(Path.of("src/test/example/HttpBackend.java"), "Nothing");
        assertEquals(jar + ": abuse.backend.BackendFactory: Provider Nothing not found", fail("server", "--plugin", jar));
        assertEquals("server: /nowhere.jar: no such file, or not readable", misuse("server", "--plugin=/nowhere.jar"));
    }

    @Test
    void the_list_of_backends_has_those_of_plugins() throws Exception {
        String jar = jar(Path.of("src/test/example/HttpBackend.java"), "HttpBackend");
        assertEquals("server: 'frob' is not a backend; there are null, mem, file:PATH, qcow2:PATH, nbd://HOST/EXPORT, nbd+unix:///EXPORT?socket=PATH, nbds://HOST/EXPORT, nbds+unix:///EXPORT?socket=PATH, nbd-exec:COMMAND and http://HOST/PATH",
                misuse("server", "--plugin", jar, "0", "frob"));
    }
}
