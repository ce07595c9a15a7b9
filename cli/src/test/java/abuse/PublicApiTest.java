// SPDX-License-Identifier: Apache-2.0
package abuse;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The packages for programs contain what src/test/resources/public-api.txt says, and nothing else. "make generated" writes
 * that file, so that a change of it is seen in review.
 */
class PublicApiTest {
    private static final Path FILE = Path.of("src/test/resources/public-api.txt");
    private static final List<String> PACKAGES = List.of("abuse.backend", "abuse.disk", "abuse.filter");

    @Test
    void the_public_api_is_the_one_on_record() throws Exception {
        var lines = new ArrayList<String>();
        for (String name : PACKAGES) {
            for (Class<?> type : publicClasses(name)) {
                lines.add(head(type));
                members(type).forEach(member -> lines.add("    " + member));
            }
        }
        String text = String.join("\n", lines) + "\n";
        if (Boolean.getBoolean("abuse.generate")) {
            Files.writeString(FILE, text);
        }
        assertEquals(Files.readString(FILE), text);
    }

    /** Those of the program and, as it is in the library, too, the simulated disk. */
    private static List<Class<?>> publicClasses(String packageName) throws IOException, ClassNotFoundException {
        var names = new TreeSet<String>();
        try (var files = Files.list(Path.of("target/classes", packageName.replace('.', '/')))) {
            files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".class"))
                    .forEach(name -> names.add(name.replace(".class", "")));
        }
        if (packageName.equals("abuse.disk")) {
            names.add("SimulatedDisk");
        }
        var classes = new ArrayList<Class<?>>();
        for (String name : names) {
            Class<?> type = Class.forName(packageName + "." + name, false, PublicApiTest.class.getClassLoader());
            if (isPublic(type)) {
                classes.add(type);
            }
        }
        return classes;
    }

    private static boolean isPublic(Class<?> type) {
        return Modifier.isPublic(type.getModifiers()) && (type.getEnclosingClass() == null || isPublic(type.getEnclosingClass()))
                && !type.isAnonymousClass();
    }

    private static String head(Class<?> type) {
        var above = new ArrayList<Type>();
        if (type.getGenericSuperclass() != null && type.getSuperclass() != Object.class) {
            above.add(type.getGenericSuperclass());
        }
        above.addAll(List.of(type.getGenericInterfaces()));
        String kind = type.isEnum() ? "enum" : type.isRecord() ? "record" : type.isInterface() ? "interface" : "class";
        return kind + " " + type.getName() + (above.isEmpty() ? "" : ": " + types(above.toArray(Type[]::new)));
    }

    private static TreeSet<String> members(Class<?> type) {
        var members = new TreeSet<String>();
        for (Field field : type.getDeclaredFields()) {
            if (isVisible(field)) {
                members.add((field.isEnumConstant() ? "" : modifiers(field) + field.getGenericType().getTypeName() + " ")
                        + field.getName());
            }
        }
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
            if (isVisible(constructor)) {
                members.add("new(" + types(constructor.getGenericParameterTypes()) + ")"
                        + failures(constructor.getGenericExceptionTypes()));
            }
        }
        for (Method method : type.getDeclaredMethods()) {
            if (isVisible(method) && !method.isBridge() && !method.isSynthetic()) {
                members.add(modifiers(method) + method.getGenericReturnType().getTypeName() + " " + method.getName() + "("
                        + types(method.getGenericParameterTypes()) + ")" + failures(method.getGenericExceptionTypes()));
            }
        }
        return members;
    }

    private static boolean isVisible(Member member) {
        return (member.getModifiers() & (Modifier.PUBLIC | Modifier.PROTECTED)) != 0 && !member.isSynthetic();
    }

    private static String modifiers(Member member) {
        boolean isDefault = member instanceof Method method && method.isDefault();
        return (Modifier.isStatic(member.getModifiers()) ? "static " : "") + (isDefault ? "default " : "");
    }

    private static String types(Type... types) {
        return Arrays.stream(types).map(Type::getTypeName).collect(Collectors.joining(", "));
    }

    private static String failures(Type... types) {
        return types.length == 0 ? "" : " throws " + types(types);
    }
}
