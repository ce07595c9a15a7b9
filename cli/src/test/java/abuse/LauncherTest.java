// SPDX-License-Identifier: Apache-2.0
package abuse;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.libc.NativePart;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs the launcher with the Java of this test, in surroundings that differ from a developer's. */
@Timeout(120)
class LauncherTest {
    private record Outcome(int exitCode, String out, String err) {}

    @TempDir
    private Path directory;

    private Path jar;

    /** Makes a jar that names the class path of the tests, because the real one is not packed yet. */
    @BeforeEach
    void makeJar() throws IOException {
        jar = directory.resolve("abusectl.jar");
        var manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, "abuse.Main");
        manifest.getMainAttributes().putValue("Enable-Native-Access", "ALL-UNNAMED");
        manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, Arrays.stream(System.getProperty("java.class.path")
                .split(File.pathSeparator)).map(path -> Path.of(path).toUri().toString()).collect(Collectors.joining(" ")));
        new JarOutputStream(Files.newOutputStream(jar), manifest).close();
    }

    /** Runs a line in bash, where abusectl is the launcher. */
    private Outcome run(String line, Map<String, String> environment) throws Exception {
        Path script = Files.write(directory.resolve("script"), line.getBytes(ISO_8859_1));
        var builder = new ProcessBuilder("bash", script.toString());
        builder.directory(directory.toFile());
        builder.environment().put("PATH", Path.of("").toAbsolutePath() + ":" + System.getenv("PATH"));
        builder.environment().put("ABUSECTL_JAR", jar.toString());
        builder.environment().put("ABUSECTL_JAVA", System.getProperty("java.home") + "/bin/java");
        builder.environment().putAll(environment);
        builder.redirectOutput(directory.resolve("out").toFile()).redirectError(directory.resolve("err").toFile());
        int exitCode = builder.start().waitFor();
        return new Outcome(exitCode, Files.readString(directory.resolve("out"), UTF_8),
                Files.readString(directory.resolve("err"), UTF_8));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "abusectl --help >/dev/full|1|abusectl: standard output: No space left on device",
        "abusectl --help >&-|1|abusectl: standard output: Bad file descriptor",
        "abusectl --version >&-|1|abusectl: standard output: Bad file descriptor",
        "abusectl --version >&- 2>&-|1|''",
        "exec 3> >(:); wait $!; abusectl --help >&3|141|''"})
    void output_that_is_lost_is_not_passed_over(String line, int exitCode, String err) throws Exception {
        Outcome outcome = run(line, Map.of());
        assertEquals(exitCode, outcome.exitCode, outcome.err);
        assertEquals(err, outcome.err.strip());
    }

    @ParameterizedTest
    @ValueSource(strings = {"de_DE.UTF-8", "xx_XX.utf8", "C", "de_DE.ISO-8859-1"})
    void names_of_files_are_utf8_in_any_locale(String locale) throws Exception {
        Outcome outcome = run("exec env LC_ALL=" + locale + " abusectl server --plugin "
                + new String("/no/ünï.jar".getBytes(UTF_8), ISO_8859_1), Map.of());
        assertEquals(1, outcome.exitCode, outcome.err);
        assertTrue(outcome.err.startsWith("abusectl: --plugin=/no/ünï.jar: No such file or directory\n"), outcome.err);
    }

    @Test
    void a_name_that_is_not_utf8_makes_no_other_file() throws Exception {
        Outcome outcome = run("abusectl run --create file:ü.img", Map.of());
        assertEquals(2, outcome.exitCode, outcome.err);
        assertTrue(outcome.err.startsWith("abusectl: 'file:\uFFFD.img' is not UTF-8; "), outcome.err);
    }

    @Test
    void an_archive_is_made_of_nothing_that_could_be_named() throws Exception {
        Outcome outcome = run("abusectl --archive x", Map.of());
        assertEquals("abusectl: unexpected argument 'x'\nTry 'abusectl --help' for more information.\n", outcome.err);
        assertEquals(2, outcome.exitCode);
    }

    @Test
    void what_is_meant_for_every_java_is_not_for_this_one() throws Exception {
        String options = "-XX:+UseParallelGC -Xms1g -XX:NewSize=900m";
        Outcome outcome = run("abusectl --version && abusectl server --version",
                Map.of("JAVA_TOOL_OPTIONS", options, "JDK_JAVA_OPTIONS", options, "_JAVA_OPTIONS", options));
        assertEquals(0, outcome.exitCode, outcome.out + outcome.err);
        assertEquals("", outcome.err);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--version", "server --version"})
    void options_of_its_own_win(String command) throws Exception {
        Outcome outcome = run("abusectl " + command, Map.of("ABUSECTL_JAVA_OPTS",
                "-Xmx512m -XX:+UseParallelGC -XX:+PrintFlagsFinal -Dglob=*"));
        assertEquals(0, outcome.exitCode, outcome.out + outcome.err);
        assertTrue(outcome.err.matches("(?s).* MaxHeapSize += 536870912 .*"), outcome.err);
        assertTrue(outcome.err.matches("(?s).* UseParallelGC += true .*"), outcome.err);
        assertTrue(outcome.out.matches("abusectl [0-9.]+\n"), outcome.out);
    }

    /** They have every entry of a record in memory, of which there may be millions. */
    @ParameterizedTest
    @ValueSource(strings = {"replay", "crashes"})
    void what_reads_a_record_has_a_share_of_the_memory(String command) throws Exception {
        Outcome outcome = run("abusectl " + command + " --version", Map.of("ABUSECTL_JAVA_OPTS", "-XX:+PrintFlagsFinal"));
        assertEquals(0, outcome.exitCode, outcome.out + outcome.err);
        assertTrue(outcome.err.matches("(?s).* MaxRAMPercentage += 50[.]0+ .*"), outcome.err);
        assertFalse(outcome.err.matches("(?s).* MaxHeapSize += 67108864 .*"), outcome.err);
    }

    @Test
    void options_that_java_refuses_are_told_on_standard_error() throws Exception {
        Outcome outcome = run("abusectl --version", Map.of("ABUSECTL_JAVA_OPTS", "-Xms1g -Xmx64m"));
        assertEquals(1, outcome.exitCode);
        assertEquals("", outcome.out);
        assertTrue(outcome.err.contains("heap size"), outcome.err);
    }

    @Test
    void a_folder_for_temporary_files_that_takes_none_is_not_needed() throws Exception {
        Outcome outcome = run("abusectl info 999999", Map.of("ABUSECTL_JAVA_OPTS", "-Djava.io.tmpdir=/proc"));
        assertEquals(1, outcome.exitCode, outcome.err);
        assertTrue(outcome.err.startsWith("abusectl: /dev/abctl999999: No such file or directory; "), outcome.err);
        assertEquals(1, outcome.err.lines().count(), outcome.err);
    }

    /** Whoever can write to a folder could otherwise run what they like as root, who works in it. */
    @Test
    void the_folder_where_it_runs_has_no_archive_for_it() throws Exception {
        Path java = Files.writeString(directory.resolve("java"), "#!/bin/sh\necho \"$@\"\n");
        assertTrue(java.toFile().setExecutable(true));
        Files.createFile(directory.resolve(".aot"));
        Files.createFile(directory.resolve(".jsa"));
        Outcome outcome = run("abusectl --version", Map.of("ABUSECTL_JAVA", java.toString()));
        assertEquals(0, outcome.exitCode, outcome.err);
        assertFalse(outcome.out.contains("-XX:AOTCache=") || outcome.out.contains("-XX:SharedArchiveFile="), outcome.out);
    }

    @Test
    void training_goes_as_far_as_the_first_request_of_a_server_and_leaves_the_library_only() throws Exception {
        Path made = Files.createDirectory(directory.resolve("made"));
        Outcome outcome = run("abusectl --train made", Map.of("ABUSECTL_JAVA_OPTS", "-Xlog:class+load:file=loaded"));
        assertEquals(new Outcome(0, "", ""), outcome);
        assertArrayEquals(new String[] {"libjffi-1.2.so"}, made.toFile().list());
        String loaded = Files.readString(directory.resolve("loaded"));
        for (String name : new String[] {"abuse.command.SetupKeys", "abuse.Demands", "abuse.server.Worker", "abuse.server.SlowPath",
            "abuse.backend.MemBackend", "abuse.backend.MappedFileBackend", "jnr.posix.util.SunMiscSignal"}) {
            assertTrue(loaded.contains(" " + name + " "), name);
        }
    }

    /** Each of them is many classes, or has Java open the jar and read the names of all that is in it, while requests wait. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_server_starts_without_what_takes_long(boolean unpacked) throws Exception {
        if (unpacked) {
            NativePart.copyTo(Files.createDirectory(directory.resolve("archive")));
        }
        run("abusectl server 999999 mem", Map.of("ABUSECTL_JAVA_OPTS", "-Xlog:class+load:file=loaded"));
        String loaded = Files.readString(directory.resolve("loaded"));
        assertTrue(loaded.contains(" abuse.device.ControlNode "));
        for (String name : new String[] {"java.util.ServiceLoader", "java.util.logging.Logger", "java.util.stream.Stream",
            "java.security.SecureRandom", "com.kenai.jffi.internal.StubLoader", "jnr.ffi.LibraryLoader", "abuse.command.RunCommand"}) {
            assertFalse(loaded.contains(" " + name + " "), name);
        }
    }
}
