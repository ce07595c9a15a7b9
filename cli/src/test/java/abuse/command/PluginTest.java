// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.device.Flag;
import abuse.device.SimulatedDisk;
import java.io.IOException;
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

    @Test
    void the_example_serves_a_disk_in_pieces() throws Exception {
        String jar = jar(Path.of("src/test/example/SplitBackend.java"), "SplitBackend$Factory");
        byte[] image = new byte[1 << 20];
        new Random(1).nextBytes(image);
        int[] ends = {0, 300_000, 300_001, 301_000, image.length};
        for (int i = 1; i < ends.length; i++) {
            Files.write(directory.resolve("part.a" + (char) ('a' + i)), Arrays.copyOfRange(image, ends[i - 1], ends[i]));
        }
        Files.write(directory.resolve("other"), image);
        SimulatedDisk disk = devices.add(0).setUp(image.length, Flag.WRITE_CACHE);
        String backend = "split:" + directory.resolve("part.");
        var server = start("server", "--plugin", jar, backend).awaitReady();
        byte[] changed = new byte[1 << 16];
        assertFalse(disk.write(1 << 18, changed).await().failed());
        assertFalse(disk.flush().await().failed());
        System.arraycopy(changed, 0, image, 1 << 18, changed.length);
        byte[] whole = new byte[image.length];
        for (int offset = 0; offset < image.length; offset += 1 << 16) {
            var answer = disk.read(offset, 1 << 16).await();
            assertFalse(answer.failed(), server.err());
            System.arraycopy(answer.data(), 0, whole, offset, 1 << 16);
        }
        assertArrayEquals(image, whole);
        assertArrayEquals(Arrays.copyOfRange(image, 300_001, 301_000), Files.readAllBytes(directory.resolve("part.ad")));
        Files.write(directory.resolve("part.ae"), new byte[0]);
        assertTrue(disk.read(1 << 19, 4096).await().failed());
        server.signal();
        assertEquals(0, server.end().exitCode());
        assertEquals("abusectl: /dev/abctl0: serving 1 MiB from " + backend + " on /dev/abuse0, 1 queue\n", server.out());
        assertEquals("abusectl: /dev/abctl0: " + directory.resolve("part.") + ": a part was cut short\n", server.err());
    }

    @Test
    void the_help_tells_what_a_plug_in_brings() throws Exception {
        String jar = jar(Path.of("src/test/example/SplitBackend.java"), "SplitBackend$Factory");
        for (String command : new String[] {"server", "run"}) {
            String help = run(command, "--plugin", jar, "--help").out();
            assertTrue(help.contains("\nFrom the plug-ins:\n  split:PREFIX"), help);
            assertTrue(help.contains("the files that split(1) has made"), help);
        }
        String without = run("server", "--help").out();
        assertFalse(without.contains("From the plug-ins"), without);
        String broken = run("server", "--plugin=/nowhere.jar", "--help").out();
        assertTrue(broken.contains("/nowhere.jar: No such file or directory"), broken);
    }

    @Test
    void a_jar_without_a_backend_or_no_jar_is_told_in_one_line() throws Exception {
        devices.add(0).setUp(1 << 20);
        String jar = jar(Path.of("src/test/example/SplitBackend.java"), "Nothing");
        assertEquals(jar + ": abuse.backend.BackendFactory: Provider Nothing not found", fail("server", "--plugin", jar));
        assertEquals("--plugin=/nowhere.jar: No such file or directory", fail("server", "--plugin=/nowhere.jar"));
    }

    @Test
    void the_list_of_backends_has_those_of_plugins() throws Exception {
        String jar = jar(Path.of("src/test/example/SplitBackend.java"), "SplitBackend$Factory");
        assertEquals("server: 'frob' is not a backend; there are null, mem, file:PATH, qcow2:PATH, cow:BASE[,keep=PATH], nbd://HOST/EXPORT, nbd+unix:///EXPORT?socket=PATH, nbds://HOST/EXPORT, nbds+unix:///EXPORT?socket=PATH, nbd-exec:COMMAND, rbd:POOL/IMAGE, http://HOST/PATH, https://HOST/PATH and split:PREFIX",
                misuse("server", "--plugin", jar, "0", "frob"));
    }

    /** The tool does not look for its own backends, as that would take a third of the start of a server. */
    @Test
    void the_tool_has_the_backends_that_programs_find() {
        assertEquals(new Backends().words(), Plugins.own().words());
    }
}
