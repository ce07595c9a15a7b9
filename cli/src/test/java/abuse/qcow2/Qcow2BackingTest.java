// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import abuse.backend.Geometry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a backing file must be, and what helps if it is not: never to serve that one by itself. */
class Qcow2BackingTest extends Qcow2TestBase {
    private Path top;
    private Path below;

    @BeforeEach
    void make() throws Exception {
        top = folder.resolve("the top");
        below = folder.resolve("a base");
        run("qemu-img", "create", "-q", "-f", "qcow2", below.toString(), Integer.toString(SIZE));
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "a base", "-F", "qcow2", top.toString());
    }

    private String refused(Path image, boolean readOnly) {
        return assertThrows(IOException.class, () -> open(image, readOnly).close()).getMessage().replace(folder.toString(), "DIR");
    }

    private String refusedBase(String argument) {
        return assertThrows(IOException.class, () -> new CowFactory(folder).open(argument, Set.of(), new Geometry(0, SIZE, 512, MAX_REQUEST, false)))
                .getMessage().replace(folder.toString(), "DIR");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void an_image_that_is_its_own_backing_file_is_not_said_to_be_open_elsewhere(boolean readOnly) throws Exception {
        run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "the top", top.toString());
        assertEquals("DIR/the top: the image is its own backing file", refused(top, readOnly));
        run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "a base", top.toString());
        run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", "the top", below.toString());
        assertEquals("DIR/the top: the image is its own backing file", refused(top, readOnly));
    }

    @ParameterizedTest
    @ValueSource(strings = {"pipe", "/dev/zero", "."})
    void what_is_no_file_is_not_opened(String name) throws Exception {
        run("mkfifo", "pipe");
        run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", name, top.toString());
        assertEquals((name.startsWith("/") ? name : "DIR/" + name) + ": is neither a file nor a block device, and so no backing file",
                refused(top, true));
    }

    @Test
    void one_that_is_raw_is_named_so_in_its_overlay() throws Exception {
        Files.write(below, new byte[SIZE]);
        assertEquals("DIR/a base: is not a qcow2 image; if it is raw, 'qemu-img rebase -u -f qcow2 -F raw -b a\\ base DIR/the\\ top' says so",
                refused(top, false));
        assertEquals("DIR/a base: is not a qcow2 image; 'cow:file:DIR/a base' takes it as it is", refusedBase("qcow2:" + below));
    }

    @Test
    void one_that_only_qemu_can_read_is_served_with_its_overlays() throws Exception {
        Path middle = folder.resolve("middle");
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "a base", "-F", "qcow2", middle.toString());
        run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "middle", top.toString());
        put(below, 72, 8, 16);
        String what = "DIR/a base: the image has extended L2 entries, which this backend cannot read; 'nbd-exec:qemu-nbd ";
        assertEquals(what + "-f qcow2 \"DIR/the top\"' may", refused(top, false));
        assertEquals(what + "-r -f qcow2 \"DIR/a base\"' may", refusedBase("qcow2:" + below));
        // The overlay has no name any more
        assertEquals(what + "-r -f qcow2 DIR/middle' may", refusedBase("qcow2:" + middle));
    }

    @ParameterizedTest
    @CsvSource({"72, 1, not closed", "72, 2, corrupt"})
    void commands_have_names_as_a_shell_takes_them(long at, long bits, String what) throws Exception {
        put(top, at, 8, bits);
        assertEquals("DIR/the top: the image is marked as " + what + ", and can only be read; add 'ro' to the setup, or "
                + "'qemu-img check -r all DIR/the\\ top' repairs it", refused(top, false));
    }
}
