// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.io.IOException;

/** The backends by name. */
public final class Backends {
    private static final String FILE = "file:";

    private Backends() {}

    /** Whether this is a backend's name: null, mem or file:PATH. */
    public static boolean isName(String name) {
        return name.equals("null") || name.equals("mem") || name.startsWith(FILE) && name.length() > FILE.length();
    }

    /** Whether the backend has an image that can be made. */
    public static boolean isCreatable(String name) {
        return name.startsWith(FILE);
    }

    /**
     * Opens a backend.
     *
     * @param name as {@link #isName} knows it
     * @param create make the image when there is none
     * @throws IOException when it cannot hold the disk; the message names it
     */
    public static Backend open(String name, boolean create, Geometry geometry) throws IOException {
        return switch (name) {
            case "null" -> new NullBackend(geometry);
            case "mem" -> new MemBackend(geometry);
            default -> new FileBackend(name.substring(FILE.length()), create, geometry);
        };
    }
}
