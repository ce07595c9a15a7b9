// SPDX-License-Identifier: Apache-2.0
package abuse;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Asks the C compiler what constants are. Without one, the test fails. */
public final class CCompiler {
    private CCompiler() {}

    /** The value of each expression in C, in a program with the given lines at its top. */
    public static Map<String, Long> evaluate(List<String> prologue, List<String> expressions)
            throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("abuse-c");
        Path source = directory.resolve("constants.c");
        Path program = directory.resolve("constants");
        var text = new StringBuilder(String.join("\n", prologue)).append("\n#include <stddef.h>\n#include <stdio.h>\n"
                + "int main(void)\n{\n");
        for (String expression : expressions) {
            text.append("\tprintf(\"%lld\\n\", (long long)(").append(expression).append("));\n");
        }
        Files.writeString(source, text.append("\treturn 0;\n}\n"));
        try {
            run("gcc", "-m64", "-Wall", "-Werror", "-o", program.toString(), source.toString());
            List<String> lines = run(program.toString()).lines().toList();
            assertEquals(expressions.size(), lines.size());
            var values = new LinkedHashMap<String, Long>();
            for (int i = 0; i < lines.size(); i++) {
                values.put(expressions.get(i), Long.parseLong(lines.get(i)));
            }
            return values;
        } finally {
            Files.deleteIfExists(source);
            Files.deleteIfExists(program);
            Files.delete(directory);
        }
    }

    /** The constants that a class declares itself, by name. */
    public static Map<String, Long> constants(Class<?> type) throws IllegalAccessException {
        var constants = new LinkedHashMap<String, Long>();
        for (Field field : type.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) && field.getType().isPrimitive()) {
                field.setAccessible(true);
                constants.put(field.getName(), ((Number) field.get(null)).longValue());
            }
        }
        return constants;
    }

    /** The C expression for each constant of a class that describes a structure. */
    public static Map<String, Long> layout(String struct, Class<?> type) throws IllegalAccessException {
        var expressions = new LinkedHashMap<String, Long>();
        constants(type).forEach((name, value) -> expressions.put(name.equals("SIZE_OF")
                ? "sizeof(" + struct + ")"
                : "offsetof(" + struct + ", " + name.toLowerCase(Locale.ROOT) + ")", value));
        return expressions;
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(new ArrayList<>(List.of(command))).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
