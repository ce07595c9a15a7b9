// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is done about a backend that may be somebody else's by now. */
class FenceWatchTest {
    private static final String SILENT = "the backend has not said for 1 seconds whether it belongs to somebody else now";

    private interface Question {
        boolean isFenced() throws IOException;
    }

    private record Asked(Question question) implements Backend {
        @Override
        public boolean isFenced() throws IOException {
            return question.isFenced();
        }

        @Override
        public void read(long offset, ByteBuffer into) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void write(long offset, ByteBuffer from) {
            throw new UnsupportedOperationException();
        }
    }

    private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
    private FenceWatch watch;

    @AfterEach
    void close() {
        watch.close();
    }

    private void watch(Question question, long period, int most) {
        watch = new FenceWatch(new Asked(question), cause -> told.add(cause.getMessage()), period, most);
    }

    private void assertTold(String words) throws InterruptedException {
        assertEquals(words, told.poll(60, TimeUnit.SECONDS));
        assertNull(told.poll(100, TimeUnit.MILLISECONDS));
    }

    @Test
    void one_that_is_fenced_says_so() throws Exception {
        watch(() -> true, 5, 1_000_000);
        assertTold("the backend belongs to somebody else now, who may change it");
    }

    @Test
    void one_that_cannot_tell_is_given_up_after_some_time() throws Exception {
        watch(() -> {
            throw new IOException("nobody answers");
        }, 50, 20);
        assertTold(SILENT);
    }

    @Test
    void one_that_does_not_answer_is_given_up_after_some_time() throws Exception {
        var never = new CountDownLatch(1);
        watch(() -> {
            try {
                never.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            return false;
        }, 50, 20);
        assertTold(SILENT);
        never.countDown();
    }

    @Test
    void one_that_answers_now_and_then_is_kept() throws Exception {
        // For longer than it may be silent, which the machine must not be
        var asked = new CountDownLatch(30);
        watch(() -> {
            asked.countDown();
            if (asked.getCount() % 3 != 0) {
                throw new IOException("busy");
            }
            return false;
        }, 200, 20);
        assertTrue(asked.await(60, TimeUnit.SECONDS));
        assertNull(told.poll());
    }

    /** It tells what was so when it was asked, or some time after. */
    @Test
    void an_answer_counts_from_when_it_was_asked() throws Exception {
        watch(() -> {
            try {
                Thread.sleep(700);
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            return false;
        }, 50, 20);
        assertTold(SILENT);
    }
}
