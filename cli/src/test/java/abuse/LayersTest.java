// SPDX-License-Identifier: Apache-2.0
package abuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** No layer knows one above itself. */
class LayersTest {
    private static final Path SOURCES = Path.of("src/main/java/abuse");
    private static final Pattern MENTION = Pattern.compile("\\babuse\\.(libc|device|backend|writelog|crash|cache|filter|nbd|rbd|http|qcow2|server|disk|command)\\b");

    private static final Map<String, Set<String>> ALLOWED = Map.ofEntries(
            Map.entry("libc", Set.of()),
            Map.entry("device", Set.of("libc")),
            Map.entry("backend", Set.of("libc")),
            Map.entry("writelog", Set.of("libc")),
            Map.entry("crash", Set.of("libc", "writelog")),
            Map.entry("cache", Set.of("libc", "backend")),
            Map.entry("filter", Set.of("libc", "backend", "writelog")),
            Map.entry("rbd", Set.of("libc", "backend")),
            Map.entry("nbd", Set.of("libc", "backend")),
            Map.entry("http", Set.of("libc", "backend")),
            Map.entry("qcow2", Set.of("libc", "backend")),
            Map.entry("server", Set.of("libc", "device", "backend", "cache")),
            Map.entry("disk", Set.of("libc", "device", "backend", "writelog", "crash", "filter", "server")),
            Map.entry("command", Set.of("device", "backend", "writelog", "crash", "cache", "filter", "rbd", "nbd", "http", "qcow2",
                    "server")));

    @Test
    void every_package_mentions_only_those_below() throws IOException {
        for (var layer : ALLOWED.entrySet()) {
            var mentioned = new TreeSet<String>();
            List<Path> files;
            try (var list = Files.list(SOURCES.resolve(layer.getKey()))) {
                files = list.toList();
            }
            assertFalse(files.isEmpty(), layer.getKey());
            for (Path file : files) {
                Matcher matcher = MENTION.matcher(Files.readString(file));
                while (matcher.find()) {
                    mentioned.add(matcher.group(1));
                }
            }
            mentioned.remove(layer.getKey());
            mentioned.removeAll(layer.getValue());
            assertEquals(Set.of(), mentioned, "what " + layer.getKey() + " must not know");
        }
    }

    @Test
    void commands_use_no_native_library() throws IOException {
        try (var files = Files.list(SOURCES.resolve("command"))) {
            for (Path file : files.toList()) {
                assertFalse(Files.readString(file).contains("jnr"), file.toString());
            }
        }
    }
}
