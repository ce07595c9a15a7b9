// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.Model.CommandSpec;

/** Generated files agree with the model; "make generated" updates them. */
class GeneratedTest {
    private static final Path PROJECT = Path.of("..");

    @ParameterizedTest
    @ValueSource(strings = {"completions/abusectl.bash", "completions/_abusectl", "completions/abusectl.fish"})
    void completions_are_up_to_date(String file) throws Exception {
        String text = Files.readString(PROJECT.resolve(file + ".in")).replace("# MADE", "# Made by 'make generated' from "
                + Path.of(file).getFileName() + ".in and the command line's own model");
        for (var hole : Completions.FILES.get(file).get().entrySet()) {
            text = text.replace("@" + hole.getKey() + "@", hole.getValue());
        }
        assertFalse(text.matches("(?s).*@[A-Z]+@.*"), text);
        check(file, text);
    }

    @Test
    void manuals_are_up_to_date_and_right() throws Exception {
        check("man/abusectl.8", Manuals.root(byHand("abusectl")));
        for (CommandSpec command : Model.commands()) {
            check("man/abusectl-" + command.name() + ".8", Manuals.command(command, byHand(command.name())));
        }
        try (var files = Files.list(PROJECT.resolve("man"))) {
            for (Path page : files.filter(file -> file.toString().matches(".*\\.[478]")).toList()) {
                assertEquals("", output("mandoc", "-T", "lint", page.toString()));
                assertEquals("", output("sh", "-c", "LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l \"$0\" 2>&1 >/dev/null",
                        page.toString()));
            }
        }
    }

    @Test
    void the_manual_of_setup_has_every_key() throws Exception {
        String page = Files.readString(PROJECT.resolve("man/abusectl-setup.8"));
        for (String key : SetupKeys.words()) {
            assertTrue(page.matches("(?s).*\\b" + key.replace("=", "") + "\\b.*"), key);
        }
    }

    private static String byHand(String page) throws Exception {
        return Files.readString(PROJECT.resolve("man/src/" + page + ".in"));
    }

    private static String output(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return output;
    }

    private static void check(String file, String text) throws Exception {
        Path path = PROJECT.resolve(file);
        if (Boolean.getBoolean("abuse.generate")) {
            Files.writeString(path, text);
        }
        assertEquals(text, Files.readString(path), file + " is out of date; try 'make generated'");
    }
}
