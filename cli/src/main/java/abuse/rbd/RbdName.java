// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import java.io.IOException;

/**
 * Names an image, and how to reach its cluster: POOL[/NAMESPACE]/IMAGE[@SNAPSHOT][?id=USER&amp;conf=FILE].
 *
 * @param text what the user wrote
 * @param namespace empty for the one without a name
 * @param snapshot null for the image as it is now
 * @param user without "client."
 * @param configuration null for where Ceph looks itself
 */
record RbdName(String text, String pool, String namespace, String image, String snapshot, String user, String configuration) {
    private static final String FORM = "it is rbd:POOL[/NAMESPACE]/IMAGE[@SNAPSHOT]";

    /**
     * Reads a name.
     *
     * @param argument what follows "rbd:"
     * @throws IOException when it is none; the message says why
     */
    static RbdName parse(String argument) throws IOException {
        String text = "rbd:" + argument;
        int options = argument.indexOf('?');
        String path = options < 0 ? argument : argument.substring(0, options);
        String user = "admin";
        String configuration = null;
        for (String option : options < 0 ? new String[0] : argument.substring(options + 1).split("&", -1)) {
            String value = option.substring(option.indexOf('=') + 1);
            if (option.startsWith("id=") && !value.isEmpty()) {
                user = value;
            } else if (option.startsWith("conf=") && !value.isEmpty()) {
                configuration = value;
            } else {
                throw new IOException(text + ": '" + option + "' is not known; there are id=USER and conf=FILE");
            }
        }
        int at = path.indexOf('@');
        String snapshot = at < 0 ? null : path.substring(at + 1);
        String[] parts = (at < 0 ? path : path.substring(0, at)).split("/", -1);
        if (parts.length < 2 || parts.length > 3) {
            throw new IOException(text + ": names " + (parts.length < 2 ? "no pool" : "too much") + "; " + FORM);
        }
        if ("".equals(snapshot) || snapshot != null && snapshot.matches(".*[@/].*")) {
            throw new IOException(text + ": '" + snapshot + "' is no name of a snapshot; " + FORM);
        }
        for (int i = 0; i < parts.length; i++) {
            if (parts[i].isEmpty()) {
                String what = i == 0 ? "pool" : i == parts.length - 1 ? "image" : "namespace";
                throw new IOException(text + ": names no " + what + "; " + FORM);
            }
        }
        return new RbdName(text, parts[0], parts.length == 3 ? parts[1] : "", parts[parts.length - 1], snapshot, user, configuration);
    }
}
