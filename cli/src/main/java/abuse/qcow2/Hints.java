// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static abuse.libc.Terminal.printable;

import abuse.backend.Words;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What errors about an image advise. They never advise to write a backing file, as that spoils its overlays.
 *
 * @param ifRaw when it is no qcow2 image
 * @param ifUnknown when it is one that only qemu can read
 */
record Hints(String ifRaw, String ifUnknown) {
    /** Of one that is served itself. */
    static Hints ofDisk(String path) {
        return new Hints("'file:" + printable(path) + "' serves it as it is", served("", path));
    }

    /** Of one that an overlay is to be made of. */
    static Hints ofBase(String path) {
        return new Hints("'cow:file:" + printable(path) + "' takes it as it is", served("-r ", path));
    }

    /**
     * Of a backing file.
     *
     * @param name as its overlay has it
     * @param top the path of what is served
     */
    static Hints ofBacking(String name, String overlay, String top) {
        // One that is thrown away has no name any more
        boolean named = Files.exists(Path.of(top));
        return new Hints("if it is raw, '" + rebase(name, "raw", overlay) + "' says so", named ? served("", top) : served("-r ", overlay));
    }

    /** The command that tells an overlay the name and the format of its backing file. */
    static String rebase(String name, String format, String overlay) {
        return "qemu-img rebase -u -f qcow2 -F " + format + " -b " + Words.escaped(printable(name)) + " " + Words.escaped(printable(overlay));
    }

    /** Of an image whose tables are wrong. */
    static String repair(String path) {
        return "'qemu-img check -r all " + Words.escaped(printable(path)) + "' repairs it";
    }

    /** A command of a backend, whose words are not those of a shell. */
    private static String served(String options, String path) {
        String word = path.matches("(?s).*[\\s'\"].*") ? "\"" + printable(path) + "\"" : printable(path);
        return "'nbd-exec:qemu-nbd " + options + "-f qcow2 " + word + "' may";
    }
}
