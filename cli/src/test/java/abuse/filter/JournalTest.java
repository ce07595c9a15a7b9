// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.backend.Geometry;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where filters write lines. */
class JournalTest {
    private static final Geometry GEOMETRY = new Geometry(3, 1 << 16, 4096, 1 << 16, false);

    @TempDir
    private Path directory;

    private FilteredBackend disk(Filter... filters) throws IOException {
        Path image = directory.resolve("image");
        if (!Files.exists(image)) {
            Files.write(image, new byte[1 << 16]);
        }
        return new FilteredBackend(new Backends().open("file:" + image, Set.of(), GEOMETRY), List.of(filters), GEOMETRY,
                OutputStream.nullOutputStream());
    }

    @ParameterizedTest
    @ValueSource(strings = {"log", "stats", "check", "corrupt", "powerfail"})
    void no_line_gets_into_the_image(String name) throws Exception {
        Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("image"));
        var image = Map.<String, Object>of("file", link.toString());
        Files.write(directory.resolve("image"), new byte[1 << 16]);
        var e = assertThrows(IOException.class, () -> disk(TestStore.filter(name, image)));
        assertEquals(link + ": it is served as /dev/abuse3; name another file", e.getMessage());
        try (var disk = disk()) {
            e = assertThrows(IOException.class, () -> disk.change(List.of(TestStore.filter(name, image))));
            assertEquals(link + ": it is served as /dev/abuse3; name another file", e.getMessage());
        }
        assertEquals(1 << 16, Files.size(link));
    }

    @Test
    void no_line_gets_into_a_record() throws Exception {
        String log = directory.resolve("log").toString();
        var e = assertThrows(IOException.class, () -> disk(TestStore.filter("record", Map.of("file", log)),
                TestStore.filter("log", Map.of("file", log))));
        assertEquals(log + ": it is written by a 'record' filter; name another file", e.getMessage());
        e = assertThrows(IOException.class, () -> disk(TestStore.filter("log", Map.of("file", log)),
                TestStore.filter("record", Map.of("file", log))));
        assertEquals(log + ": a filter writes lines to it; name another file", e.getMessage());
    }

    @Test
    void two_filters_may_share_a_file() throws Exception {
        var lines = Map.<String, Object>of("file", directory.resolve("lines").toString());
        try (var disk = disk(TestStore.filter("log", lines), TestStore.filter("stats", lines))) {
            TestStore.write(disk, 0, 1);
        }
        assertTrue(Files.readString(directory.resolve("lines")).contains("write"));
    }
}
