// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A filter that somebody else wrote: compiled against the program's classes only, and loaded by a server. */
class FilterPluginTest extends CommandTestBase {
    /** Where control sockets are. */
    @BeforeEach
    void useNoFolderOfTheMachine() {
        environment.put("RUNTIME_DIRECTORY", directory.toString());
    }

    private static final String SOURCE = """
            import abuse.backend.Failure;
            import abuse.filter.*;
            import java.util.List;

            public final class Picky implements FilterFactory {
                public String name() { return "picky"; }
                public String help() { return "Fails requests longer than most."; }
                public List<Key> keys() { return List.of(new Key("most", Key.Kind.SIZE, "4K", "the longest")); }
                public Filter make(Settings settings) {
                    return new Filter(settings) {
                        protected void take(FilteredRequest request) {
                            if (request.length() > settings.number("most", 4096)) {
                                request.fail(Failure.NO_SPACE, null);
                            } else {
                                request.pass();
                            }
                        }
                    };
                }
            }
            """;

    @Test
    void a_plug_in_brings_a_filter() throws Exception {
        Path source = Files.writeString(directory.resolve("Picky.java"), SOURCE);
        Path classes = directory.resolve("classes");
        Path services = Files.createDirectories(classes.resolve("META-INF/services"));
        assertEquals(0, ToolProvider.getSystemJavaCompiler().run(null, null, null, "-cp", "target/classes", "-d", classes.toString(),
                source.toString()));
        Files.writeString(services.resolve("abuse.filter.FilterFactory"), "Picky");
        var disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE);
        var server = start("server", "0", "mem", "--plugin", classes.toString(), "--filter", "picky:most=8K,op=write").awaitReady();
        assertFalse(disk.write(0, new byte[8192]).await().failed());
        assertTrue(disk.write(0, new byte[12288]).await().failed());
        assertFalse(disk.read(0, 12288).await().failed());
        server.signal();
        assertEquals(0, server.end().exitCode());
        assertTrue(misuse("server", "0", "mem", "--plugin", classes.toString(), "--filter", "piky").endsWith("; did you mean 'picky'?"));
    }
}
