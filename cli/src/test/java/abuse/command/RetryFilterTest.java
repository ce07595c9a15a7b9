// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The filter retry. */
class RetryFilterTest extends FilterTestBase {
    private String filters() {
        return succeed("filter", "0", "-n", "-o", "NAME,MATCHED").replaceAll(" +", " ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"mem", "file:"})
    void a_failure_that_goes_away_is_not_seen(String backend) throws Exception {
        serve(backend.equals("mem") ? backend : backend + directory.resolve("image"), "log", "retry", "error:op=write,until=2", "error:op=read,nth=1",
                "error:op=flush,nth=1,fail=after");
        assertEquals(Result.OKAY, write(1, 1));
        assertEquals(Result.OKAY, read(1));
        // That may be all that tells of lost writes
        assertEquals(Result.MEDIA_FAILURE, flush());
        holds(1, 1);
        assertEquals("log 4\nretry 4\nerror#1 3\nerror#2 3\nerror#3 1\n", filters());
        assertEquals(3, endServer().lines().filter(line -> line.contains(" ok ")).count());
    }

    @Test
    void a_failure_that_stays_is_seen() throws Exception {
        serveWith("retry:times=2,op=write", "error:errno=ENOSPC");
        assertEquals(Result.NO_SPACE, write(1, 1));
        assertEquals("retry 1\nerror 3\n", filters());
        assertEquals(Result.NO_SPACE, read(1));
        assertEquals("retry 1\nerror 4\n", filters());
        endServer();
    }

    @Test
    void only_some_errors_are_worth_another_try_and_it_waits() throws Exception {
        serveWith("retry:errno=ENOSPC+ETIMEDOUT,wait=100ms", "error:errno=ENOSPC,op=write,nth=1", "error:op=read,nth=1");
        long start = System.nanoTime();
        assertEquals(Result.OKAY, write(1, 1));
        assertTrue(System.nanoTime() - start >= 100_000_000, "it did not wait");
        assertEquals(Result.MEDIA_FAILURE, read(1));
        holds(1, 1);
        endServer();
    }

    @Test
    void a_deadline_ends_the_tries() throws Exception {
        serveWith("--deadline=0.2", "retry:wait=3600", "error:op=write");
        assertEquals(Result.TIMEOUT, write(1, 1));
        // On a busy machine it may be late, too
        for (Result result = read(1); result != Result.OKAY; result = read(1)) {
            assertEquals(Result.TIMEOUT, result);
        }
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void what_failed_may_have_been_a_flush_of_others() throws Exception {
        serveWith("retry", "error:op=write,nth=1,fail=after");
        assertEquals(Result.MEDIA_FAILURE, resultOf(disk.writeFua(0, bytes(1))));
        assertEquals("retry 1\nerror 1\n", filters());
        endServer();
    }
}
