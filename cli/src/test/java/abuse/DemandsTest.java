// SPDX-License-Identifier: Apache-2.0
package abuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DemandsTest {
    private static final long SECOND = 1_000_000_000L;

    private final List<String> done = new ArrayList<>();
    private final Demands demands = new Demands(() -> done.add("ask"), () -> done.add("force"));

    @Test
    void each_asks_for_more_and_the_last_one_for_the_end() {
        assertTrue(demands.take(5, false));
        assertEquals(List.of("ask"), done);
        assertTrue(demands.take(5 + SECOND, false));
        assertEquals(List.of("ask", "force"), done);
        assertFalse(demands.take(5 + 2 * SECOND, false));
    }

    @Test
    void one_that_arrives_twice_is_one() {
        assertTrue(demands.take(-3, false));
        assertTrue(demands.take(SECOND / 4, false));
        assertEquals(List.of("ask"), done);
        assertTrue(demands.take(SECOND, false));
        assertTrue(demands.take(SECOND + SECOND / 4, false));
        assertEquals(List.of("ask", "force"), done);
    }

    @Test
    void a_terminal_that_goes_away_asks_once_and_forces_nothing() {
        assertTrue(demands.take(0, true));
        assertTrue(demands.take(10 * SECOND, true));
        assertTrue(demands.take(20 * SECOND, true));
        assertEquals(List.of("ask"), done);
        assertTrue(demands.take(30 * SECOND, false));
        assertEquals(List.of("ask", "force"), done);
    }
}
