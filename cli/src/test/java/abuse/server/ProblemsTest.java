// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProblemsTest {
    private final ProblemList listener = new ProblemList();
    private final List<String> told = listener.problems;

    @Test
    void a_problem_that_lasts_is_told_now_and_then() {
        var rare = new Problems(listener, Problems.INTERVAL_NS);
        for (int i = 0; i < 1_000_000; i++) {
            rare.report("full");
        }
        assertEquals(List.of("full"), told);
        rare.summarize();
        assertEquals(List.of("full", "full (999999 more times)"), told);
        told.clear();
        var always = new Problems(listener, 0);
        always.report("full");
        always.report("full");
        always.report("full");
        always.summarize();
        assertEquals(List.of("full", "full (1 more time)", "full (1 more time)"), told);
    }

    @Test
    void a_change_is_told_whenever_it_is_one_but_not_too_often() {
        var problems = new Problems(listener, Problems.INTERVAL_NS);
        for (String message : List.of("lost", "lost", "back", "lost", "lost", "back")) {
            problems.change(message);
        }
        assertEquals(List.of("lost", "back", "lost", "back"), told);
        for (int i = 0; i < 1000; i++) {
            problems.change("lost");
            problems.change("back");
        }
        assertEquals(32, told.size());
    }

    @Test
    void what_was_told_long_ago_makes_room() {
        var problems = new Problems(listener, 0);
        for (int i = 0; i < 100; i++) {
            problems.report("problem " + i);
        }
        assertEquals(100, told.size());
    }

    @Test
    void an_error_without_words_is_told_by_its_name() {
        var problems = new Problems(listener, 0);
        problems.report(new IOException("words"));
        problems.report(new IOException());
        problems.report(new OutOfMemoryError("Java heap space"));
        assertEquals(List.of("words", "java.io.IOException", "java.lang.OutOfMemoryError: Java heap space"), told);
    }
}
