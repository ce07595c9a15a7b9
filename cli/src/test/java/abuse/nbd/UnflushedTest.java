// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class UnflushedTest {
    private final Unflushed unflushed = new Unflushed();

    private Exchange begin() {
        var flush = new Exchange(0);
        unflushed.begin(flush);
        return flush;
    }

    @Test
    void one_flush_tells_a_loss() {
        unflushed.answered();
        assertTrue(unflushed.lose(false));
        assertFalse(unflushed.end(begin()));
        assertTrue(unflushed.end(begin()));
        assertFalse(unflushed.lose(false), "nothing is unflushed");
    }

    @Test
    void a_flush_that_fails_covers_nothing_that_came_after_it() {
        unflushed.answered();
        assertTrue(unflushed.lose(false));
        Exchange flush = begin();
        unflushed.answered();
        assertFalse(unflushed.end(flush));
        assertTrue(unflushed.lose(false));
        assertFalse(unflushed.end(begin()));
    }

    @Test
    void losses_that_no_flush_has_told_yet_are_told_by_one() {
        unflushed.answered();
        assertTrue(unflushed.lose(false));
        unflushed.answered();
        assertFalse(unflushed.lose(false), "that is known");
        assertTrue(unflushed.isUntold());
        assertFalse(unflushed.end(begin()));
        assertFalse(unflushed.isUntold());
        assertFalse(unflushed.lose(false));
        assertTrue(unflushed.end(begin()));
    }

    @Test
    void what_others_may_have_written_is_lost_with_each_connection() {
        assertTrue(unflushed.lose(true));
        assertFalse(unflushed.end(begin()));
        assertTrue(unflushed.end(begin()));
        assertTrue(unflushed.lose(true));
        assertFalse(unflushed.end(begin()));
    }
}
