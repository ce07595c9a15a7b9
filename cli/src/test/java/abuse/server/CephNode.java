// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The cluster that cli/engines/ceph.sh has started for the tests. */
final class CephNode {
    private static final Path SCRIPT = Path.of("engines/ceph.sh").toAbsolutePath();
    private static final Path FOLDER = Path.of(System.getProperty("abuse.ceph", ""));

    static final String CONF = FOLDER.resolve("ceph.conf").toString();

    private CephNode() {}

    /** Names an image for the backend. */
    static String image(String name) {
        return "rbd:" + name + "?conf=" + CONF;
    }

    /** Makes an image, and returns what it is called. */
    static String make(String name, String size, String features) throws Exception {
        rbd("create", "--size", size, "--image-feature", features, name);
        return image(name);
    }

    static String rbd(String... arguments) throws Exception {
        return run("rbd", arguments);
    }

    static String ceph(String... arguments) throws Exception {
        return run("ceph", arguments);
    }

    /** Ends the OSD as a crash does. */
    static void killOsd() throws Exception {
        run(SCRIPT.toString(), "osd-kill", FOLDER.toString());
    }

    static void startOsd() throws Exception {
        run(SCRIPT.toString(), "osd-start", FOLDER.toString());
    }

    private static String run(String program, String... arguments) throws Exception {
        var command = new ArrayList<>(List.of(program));
        command.addAll(List.of(arguments));
        var output = Files.createTempFile("ceph", null);
        try {
            var builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
            builder.environment().put("CEPH_CONF", CONF);
            int status = builder.start().waitFor();
            String text = Files.readString(output);
            assertEquals(0, status, () -> command + ": " + text);
            return text;
        } finally {
            Files.delete(output);
        }
    }
}
