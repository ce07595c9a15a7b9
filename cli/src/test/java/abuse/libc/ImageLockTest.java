// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of an image that cannot be locked; locks themselves are tested with the backends. */
class ImageLockTest {
    private static String refusal(long result, boolean readOnly) {
        return assertThrows(IOException.class, () -> ImageLock.check("image", result, readOnly)).getMessage();
    }

    @ParameterizedTest
    @CsvSource({"22, Invalid argument", "37, No locks available", "38, Function not implemented", "95, Operation not supported"})
    void where_there_are_no_locks_an_image_is_only_read(int errno, String words) {
        assertDoesNotThrow(() -> ImageLock.check("image", -errno, true));
        assertEquals("image: cannot be locked: " + words + "; its filesystem has no locks, so others could write to it, too; put it on another one",
                refusal(-errno, false));
    }

    @Test
    void a_lock_that_fails_for_another_reason_is_told() {
        assertEquals("image: cannot be locked: Input/output error", refusal(-Unix.EIO, true));
        assertEquals("image: cannot be locked: Input/output error", refusal(-Unix.EIO, false));
        assertDoesNotThrow(() -> ImageLock.check("image", 0, false));
    }
}
