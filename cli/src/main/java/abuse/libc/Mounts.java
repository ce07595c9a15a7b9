// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What is mounted where, as /proc tells. */
public final class Mounts {
    /** A mounted filesystem, with its device number and source, and where it is mounted. */
    public record Mount(String number, String source, String point) {}

    private Mounts() {}

    /**
     * Everything that is mounted; what comes later may hide what comes earlier. There is nothing if that cannot be read.
     *
     * @param root where /proc is
     */
    public static List<Mount> all(Path root) {
        String text;
        try {
            // Names are bytes; those that are not UTF-8 are decoded as far as possible
            text = new String(Files.readAllBytes(root.resolve("proc/self/mountinfo")), UTF_8);
        } catch (IOException e) {
            return List.of();
        }
        var mounts = new ArrayList<Mount>();
        for (String line : text.lines().toList()) {
            String[] sides = line.split(" - ", 2);
            String[] mount = sides[0].split(" ");
            String[] source = sides.length < 2 ? mount : sides[1].split(" ");
            if (mount.length > 4) {
                mounts.add(new Mount(mount[2], source.length > 1 ? source[1] : "", unescape(mount[4])));
            }
        }
        return mounts;
    }

    /** Undoes the escapes of mountinfo, which has a blank and the like as three octal digits. */
    private static String unescape(String text) {
        var plain = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            boolean escape = text.charAt(i) == '\\' && text.substring(i).matches("\\\\[0-7]{3}.*");
            plain.append(escape ? (char) Integer.parseInt(text.substring(i + 1, i + 4), 8) : text.charAt(i));
            i += escape ? 3 : 0;
        }
        return plain.toString();
    }
}
