// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is made from the model is as the model is; "make generated" makes it so. */
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

    static void check(String file, String text) throws Exception {
        Path path = PROJECT.resolve(file);
        if (Boolean.getBoolean("abuse.generate")) {
            Files.writeString(path, text);
        }
        assertEquals(text, Files.readString(path), file + " is out of date; try 'make generated'");
    }
}
