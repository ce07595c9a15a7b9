// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class FileSyncTest {
    @Test
    void a_failure_is_told_with_its_number_again_and_again() {
        int fd = Unix.open("/dev/full", Unix.O_RDWR | Unix.O_CLOEXEC);
        var sync = new FileSync(fd, "full");
        for (int i = 0; i < 2; i++) {
            var e = assertThrows(ErrnoException.class, sync::run);
            assertEquals(Unix.EINVAL, e.errno());
            assertEquals("full: Invalid argument", e.getMessage());
        }
        Unix.close(fd);
    }

    @Test
    void what_is_lost_without_a_call_is_an_IO_error() {
        var sync = new FileSync(-1, "none");
        sync.lose("none: was cut short");
        var e = assertThrows(ErrnoException.class, sync::run);
        assertEquals(Unix.EIO, e.errno());
        assertEquals("none: was cut short", e.getMessage());
    }
}
