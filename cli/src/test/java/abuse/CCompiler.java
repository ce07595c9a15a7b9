// SPDX-License-Identifier: Apache-2.0
package abuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import java.util.regex.Pattern;

/** Asks C compilers for the values of constants. Without a compiler the test fails. */
public final class CCompiler {
    private static final Pattern QUAD = Pattern.compile("\\s\\.(?:quad|xword)\\s+(-?\\d+)");

    /** An architecture that Debian has, and Java's name for it. */
    public enum Target {
        X86_64("amd64"), AARCH64("aarch64"), POWERPC64LE("ppc64le"), S390X("s390x"), RISCV64("riscv64");

        public final String javaName;

        Target(String javaName) {
            this.javaName = javaName;
        }

        private String triplet() {
            return name().toLowerCase(Locale.ROOT) + "-linux-gnu";
        }

        /** Where Debian's libc6-dev-*-cross and linux-libc-dev-*-cross have the headers. */
        private String headers() {
            return this == X86_64 ? "/usr/include" : "/usr/" + triplet() + "/include";
        }
    }

    private CCompiler() {}

    /**
     * The value of each expression in C on another machine, after the given lines. Nothing is run and
     * nothing linked, so one compiler and the headers are enough.
     */
    public static Map<String, Long> evaluate(Target target, List<String> prologue, List<String> expressions)
            throws IOException, InterruptedException {
        assertTrue(Files.exists(Path.of(target.headers(), "fcntl.h")), "no headers for " + target);
        Path source = Files.createTempFile("abuse", ".c");
        try {
            Files.writeString(source, String.join("\n", prologue) + "\n#include <stddef.h>\nlong long values[] = {\n\t"
                    + String.join(",\n\t", expressions) + "\n};\n");
            String assembly = run("clang", "-target", target.triplet(), "-nostdlibinc", "-isystem", target.headers(), "-isystem",
                    target.headers() + "/" + target.triplet(), "-Wall", "-Werror", "-S", "-o", "-", source.toString());
            List<Long> values = QUAD.matcher(assembly).results().map(match -> Long.valueOf(match.group(1))).toList();
            return byName(expressions, values);
        } finally {
            Files.delete(source);
        }
    }

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
            return byName(expressions, run(program.toString()).lines().map(Long::valueOf).toList());
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

    /** The constants that differ, so that a test need not show the others. */
    public static Map<String, String> differences(Map<String, Long> expected, Map<String, Long> found) {
        var differences = new LinkedHashMap<String, String>();
        expected.forEach((name, value) -> {
            if (!value.equals(found.get(name))) {
                differences.put(name, found.get(name) + " in C, " + value + " in Java");
            }
        });
        return differences;
    }

    /** The C expression for each constant of a class that describes a structure. */
    public static Map<String, Long> layout(String struct, Class<?> type) throws IllegalAccessException {
        var expressions = new LinkedHashMap<String, Long>();
        constants(type).forEach((name, value) -> expressions.put(name.equals("SIZE_OF")
                ? "sizeof(" + struct + ")"
                : "offsetof(" + struct + ", " + name.toLowerCase(Locale.ROOT) + ")", value));
        return expressions;
    }

    private static Map<String, Long> byName(List<String> expressions, List<Long> values) {
        assertEquals(expressions.size(), values.size());
        var named = new LinkedHashMap<String, Long>();
        for (int i = 0; i < values.size(); i++) {
            named.put(expressions.get(i), values.get(i));
        }
        return named;
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(new ArrayList<>(List.of(command))).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
