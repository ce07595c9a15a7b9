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
    void an_error_without_words_is_told_by_its_name() {
        var problems = new Problems(listener, 0);
        problems.report(new IOException("words"));
        problems.report(new IOException());
        problems.report(new OutOfMemoryError("Java heap space"));
        assertEquals(List.of("words", "java.io.IOException", "java.lang.OutOfMemoryError: Java heap space"), told);
    }
}
