// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The 'record' filter when its file cannot grow. */
class RecordFailureTest {
    @TempDir
    private Path directory;

    /** Marks until that fails. */
    static final class Full {
        public static void main(String[] arguments) throws Exception {
            var filter = TestStore.filter("record", Map.of("file", arguments[0]));
            try (var disk = new TestStore().behind(filter)) {
                disk.tellProblemsTo(System.out::println);
                try {
                    ((Marked) filter).mark("x".repeat(5000));
                } catch (IOException e) {
                    System.out.println("too long");
                }
                try {
                    while (true) {
                        ((Marked) filter).mark("m");
                    }
                } catch (IOException e) {
                    System.out.println("failed");
                }
                TestStore.write(disk, 0, 1);
                try {
                    ((Marked) filter).mark("m");
                } catch (IOException e) {
                    System.out.println("failed");
                }
            }
        }
    }

    @Test
    void a_mark_that_ends_the_record_is_told_once() throws Exception {
        String log = directory.resolve("log").toString();
        Process full = new ProcessBuilder("sh", "-c", "ulimit -f 1024; exec \"$@\"", "sh", Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-cp", System.getProperty("java.class.path"), Full.class.getName(), log).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        assertEquals("too long\nrecord: " + log + ": File too large; the record ends before that\nfailed\nfailed\n",
                new String(full.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertEquals(0, full.waitFor());
    }
}
