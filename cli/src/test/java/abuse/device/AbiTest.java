// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.CCompiler;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Compares Abi.java with the header itself. */
class AbiTest {
    private static final Path HEADER = Path.of("../module/uapi/abuse.h").toAbsolutePath().normalize();
    /** What Abi.java has of the structures there, each with its name. */
    private static final Map<String, Class<?>> STRUCTS = Arrays.stream(Abi.class.getDeclaredClasses()).collect(Collectors.toMap(
            type -> "abuse_" + (type == Abi.Listing.class ? "list" : type.getSimpleName().toLowerCase(Locale.ROOT)), type -> type));

    private static final List<String> HEADERS = List.of("#include \"" + HEADER + "\"");

    private static Map<String, Long> constants() throws Exception {
        var constants = new LinkedHashMap<String, Long>();
        CCompiler.constants(Abi.class).forEach((name, value) -> constants.put(cast(name), value));
        for (var struct : STRUCTS.entrySet()) {
            constants.putAll(CCompiler.layout("struct " + struct.getKey(), struct.getValue()));
        }
        assertTrue(constants.size() > 120, constants.size() + " constants");
        return constants;
    }

    @Test
    void numbers_sizes_and_offsets_are_those_of_the_C_compiler() throws Exception {
        var expected = constants();
        assertEquals(Map.of(), CCompiler.differences(expected, CCompiler.evaluate(HEADERS, new ArrayList<>(expected.keySet()))));
    }

    @ParameterizedTest
    @EnumSource
    @Tag("packages")
    void numbers_sizes_and_offsets_are_the_same_on_every_architecture(CCompiler.Target target) throws Exception {
        var expected = constants();
        assertEquals(Map.of(), CCompiler.differences(expected, CCompiler.evaluate(target, HEADERS, new ArrayList<>(expected.keySet()))));
    }

    @Test
    void no_field_of_the_header_is_missing() throws Exception {
        String header = Files.readString(HEADER);
        for (var struct : STRUCTS.entrySet()) {
            String body = Pattern.compile("struct " + struct.getKey() + " \\{(.*?)\\};", Pattern.DOTALL).matcher(header)
                    .results().map(match -> match.group(1)).findFirst().orElseThrow();
            Set<String> fields = Pattern.compile("(?:__[us]\\d+|char)\\s+(\\w+)(?:\\[\\w+])?;").matcher(body).results()
                    .map((MatchResult match) -> match.group(1).toUpperCase(Locale.ROOT))
                    .collect(Collectors.toCollection(TreeSet::new));
            fields.add("SIZE_OF");
            assertEquals(fields, new TreeSet<>(CCompiler.constants(struct.getValue()).keySet()), struct.getKey());
        }
    }

    /** An unsigned 32-bit value in C may be a negative int in Java. */
    private static String cast(String name) {
        return name.startsWith("ABUSE_ANY_") || name.equals("ABUSE_MAX_RANGE") || name.equals("ABUSE_BUSY_AUTO")
                || name.equals("ABUSE_NO_LIMIT")
                ? "(int)" + name : name;
    }
}
