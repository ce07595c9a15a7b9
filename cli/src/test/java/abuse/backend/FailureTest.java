// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.libc.ErrnoException;
import abuse.libc.Unix;
import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FailureTest {
    @ParameterizedTest
    @CsvSource({Unix.ENOSPC + ", NO_SPACE", Unix.EDQUOT + ", NO_SPACE", Unix.ETIMEDOUT + ", TIMEOUT", Unix.EIO + ", IO"})
    void what_a_call_says_is_told_to_the_users_of_the_disk(int errno, Failure expected) {
        assertEquals(expected, Failure.of(new ErrnoException(errno, "a test")));
        assertEquals(Failure.IO, Failure.of(new IOException("a test")));
    }
}
