// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class EventCounterTest {
    @Test
    void a_wait_ends_when_it_is_raised_before_or_meanwhile() throws Exception {
        try (var events = new EventCounter()) {
            events.raise();
            events.raise();
            events.await();
            var ended = new CountDownLatch(1);
            var thread = new Thread(() -> {
                try {
                    events.await();
                    ended.countDown();
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            });
            thread.start();
            thread.join(50);
            assertEquals(1, ended.getCount(), "two raises end one wait");
            events.raise();
            ended.await();
            thread.join();
            assertFalse(thread.isAlive());
        }
    }

    @Test
    void a_library_calls_back() throws Exception {
        var calls = new AtomicInteger();
        try (var callback = new NativeCallback(calls::incrementAndGet)) {
            new NativeFunction(callback.address(), 1).call(0);
            new NativeFunction(callback.address(), 1).call(0);
        }
        assertEquals(2, calls.get());
    }
}
