// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing that is told of a backend has a password, even where there can be none. */
class PasswordTest extends CommandTestBase {
    private static final String EXEC = "nbd-exec:/none curl https://me:secret@host/disk?key=secret";

    @ParameterizedTest
    @ValueSource(strings = {"nbd:me:secret@host", "nbd://me:secret@host/disk", "nbds://me:secret@host/disk?x=1", "nbd://me:se/secret@host",
        "nbd://me:1?secret@host", "nbd://me:se?secret@host", "nbd:///me:secret@host/disk", "nbd://me:se secret@host",
        "nbd+unix://me:secret@/disk?socket=/none", "nbd+unix://me:se?secret@host", "nbds+unix:me:secret@host", "nbd-exec:/none curl https://me:se secret@host/disk", EXEC})
    void a_name_that_cannot_be_served_is_shown_without(String word) throws Exception {
        devices.add(0).setUp(1 << 20);
        var list = Files.writeString(directory.resolve("list"), "0 '" + word + "'\n");
        var swapped = Files.writeString(directory.resolve("swapped"), "'" + word + "' 0\n");
        for (Outcome one : List.of(run("run", word), run("server", "0", word), run("server", word, word), run("server", "--all", list.toString()),
                run("server", "--all", swapped.toString()), run("run", "--cache", "1M", word))) {
            assertTrue(one.exitCode() == 1 || one.exitCode() == 2, one.err());
            assertFalse((one.out() + one.err()).contains("secret"), one.err());
            assertTrue(one.err().contains(word.substring(0, word.indexOf(':'))), one.err());
        }
    }

    @Test
    void a_name_that_has_none_is_shown_as_it_is() {
        for (String word : List.of("nbd://localhost:1/disk@one", "nbds://localhost:1/disk?tls-certificates=" + directory.resolve("ops@home"),
                "nbd+unix:///disk@one?socket=/none@none")) {
            var refusal = run("run", word);
            assertEquals(1, refusal.exitCode());
            assertTrue(refusal.err().startsWith("abusectl: " + word + ": "), refusal.err());
        }
        var refusal = run("run", "nbd-exec:/none one@two curl https://me:secret@host/disk?key=secret");
        assertTrue(refusal.err().startsWith("abusectl: nbd-exec:/none one@two curl https://host/disk: "), refusal.err());
    }
}
