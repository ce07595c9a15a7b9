// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** The names of a device: 0, abctl0, abuse0, with /dev/ or without; or the path of another node. */
final class DeviceName {
    static final String NEEDED_HELP = "/dev/abctlN, /dev/abuseN or a link to it, abctlN, abuseN or N";
    static final String HELP = NEEDED_HELP + "; default $ABUSECTL_DEVICE, else /dev/abctl0";
    static final String ALL_HELP = NEEDED_HELP + "; default all disks";

    private DeviceName() {}

    /** Whether a word names a device, and not something else. */
    static boolean isOne(String word) {
        int slash = word.indexOf('/');
        int colon = word.indexOf(':');
        return number(word) != null || slash >= 0 && word.indexOf('=') < 0 && (colon < 0 || slash < colon);
    }

    /** The control node's path; that of device 0 for null or an empty name. */
    static String path(String name) {
        if (name == null || name.isEmpty()) {
            return "/dev/abctl0";
        }
        Integer number = number(name);
        if (number == null) {
            number = number(target(name));
        }
        return number == null ? name : "/dev/abctl" + number;
    }

    /** What a link such as /dev/disk/by-id/abuse-0 leads to. */
    private static String target(String name) {
        try {
            return Path.of(name).toRealPath().toString();
        } catch (IOException | InvalidPathException e) {
            return name;
        }
    }

    /** The number in a name of this form; null if it has another one. */
    static Integer number(String name) {
        boolean inDev = name.startsWith("/dev/");
        String rest = inDev ? name.substring("/dev/".length()) : name;
        if (rest.startsWith("abctl") || rest.startsWith("abuse")) {
            rest = rest.substring("abctl".length());
        } else if (inDev) {
            return null;
        }
        if (rest.isEmpty() || rest.length() > 9) {
            return null;
        }
        for (int i = 0; i < rest.length(); i++) {
            if (rest.charAt(i) < '0' || rest.charAt(i) > '9') {
                return null;
            }
        }
        return Integer.valueOf(rest);
    }
}
