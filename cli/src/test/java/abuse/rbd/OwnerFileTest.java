// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The file that names who has the lock of an image. */
class OwnerFileTest {
    @TempDir
    Path directory;

    private Path path;

    @BeforeEach
    void name() {
        path = directory.resolve("folder/image");
    }

    @Test
    void the_next_one_knows_who_was_killed() {
        try (OwnerFile first = OwnerFile.open(path)) {
            assertTrue(first.isAlone());
            assertEquals("", first.owner());
            first.name("a client with a long name");
            first.name("client");
        }
        try (OwnerFile next = OwnerFile.open(path)) {
            assertTrue(next.isAlone());
            assertEquals("client", next.owner());
        }
    }

    @Test
    void whoever_lives_is_noticed_even_if_others_have_ended() {
        try (OwnerFile first = OwnerFile.open(path)) {
            OwnerFile second = OwnerFile.open(path);
            assertFalse(second.isAlone());
            second.close();
            try (OwnerFile third = OwnerFile.open(path)) {
                assertFalse(third.isAlone());
            }
            assertTrue(first.isAlone());
        }
    }

    @Test
    void without_a_file_nobody_is_alone() throws Exception {
        Files.createFile(directory.resolve("folder"));
        try (OwnerFile none = OwnerFile.open(path)) {
            assertFalse(none.isAlone());
            none.name("client");
            assertEquals("", none.owner());
        }
    }
}
