// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.backend.Geometry;
import java.io.IOException;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Names of images, and what there is to say without a cluster. */
class RbdNameTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
        "rbd/disk | rbd | '' | disk | - | admin | -",
        "rbd/space/disk | rbd | space | disk | - | admin | -",
        "rbd/disk@one | rbd | '' | disk | one | admin | -",
        "rbd/space/disk@one?id=me | rbd | space | disk | one | me | -",
        "rbd/disk?conf=/a/b@c?d=e&id=me | rbd | '' | disk | - | me | /a/b@c?d=e",
        "a.b/c:d | a.b | '' | c:d | - | admin | -",
    })
    void a_name_has_parts(String argument, String pool, String namespace, String image, String snapshot, String user, String configuration)
            throws IOException {
        assertEquals(new RbdName("rbd:" + argument, pool, namespace, image, snapshot, user, configuration), RbdName.parse(argument));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "disk | names no pool; it is rbd:POOL[/NAMESPACE]/IMAGE[@SNAPSHOT]",
        "@one | names no pool; it is rbd:POOL[/NAMESPACE]/IMAGE[@SNAPSHOT]",
        "a/b/c/d | names too much; it is rbd:POOL[/NAMESPACE]/IMAGE[@SNAPSHOT]",
        "rbd/ | names no image; it is rbd:POOL[/NAMESPACE]/IMAGE[@SNAPSHOT]",
        "/disk | names no pool; it is rbd:POOL[/NAMESPACE]/IMAGE[@SNAPSHOT]",
        "rbd//disk | names no namespace; it is rbd:POOL[/NAMESPACE]/IMAGE[@SNAPSHOT]",
        "rbd/disk@ | '' is no name of a snapshot; it is rbd:POOL[/NAMESPACE]/IMAGE[@SNAPSHOT]",
        "rbd/disk@a@b | 'a@b' is no name of a snapshot; it is rbd:POOL[/NAMESPACE]/IMAGE[@SNAPSHOT]",
        "rbd/disk? | '' is not known; there are id=USER and conf=FILE",
        "rbd/disk?id= | 'id=' is not known; there are id=USER and conf=FILE",
        "rbd/disk?id=me&pool=x | 'pool=x' is not known; there are id=USER and conf=FILE",
    })
    void what_is_no_name_is_refused(String argument, String words) {
        var geometry = new Geometry(0, 1 << 20, 4096, 1 << 20, false);
        String text = "rbd:" + argument + ": " + words;
        assertEquals(text, assertThrows(IOException.class, () -> new Backends().open("rbd:" + argument, Set.of(), geometry)).getMessage());
        assertEquals(text, assertThrows(IOException.class, () -> new Backends().look("rbd:" + argument)).getMessage());
    }

    @Test
    void a_library_that_is_not_there_is_named_with_its_package() {
        String message = assertThrows(IOException.class, () -> Librbd.load("librados.so.none", "librbd.so.none")).getMessage();
        assertTrue(message.startsWith("librados.so.none: cannot open shared object file"), message);
        assertTrue(message.endsWith("; install the package librbd1, 15.2 or later"), message);
    }

    @Test
    void a_library_that_is_too_old_is_named_with_its_package() {
        assertEquals("libc.so.6: has no rados_create2; install the package librbd1, 15.2 or later",
                assertThrows(IOException.class, () -> Librbd.load("libc.so.6", "libc.so.6")).getMessage());
    }
}
