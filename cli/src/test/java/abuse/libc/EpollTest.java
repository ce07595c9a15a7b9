// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(600)
class EpollTest {
    private static final int ROUNDS = 20_000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** Can always be read. */
    private static int readable() {
        return Unix.open("/proc/self/mounts", Unix.O_RDONLY | Unix.O_CLOEXEC);
    }

    @Test
    void each_descriptor_is_told_at_once_then_when_it_can_be_read_and_again_when_it_is_rearmed() throws Exception {
        int one = readable();
        int other = readable();
        try (var epoll = new Epoll(1)) {
            epoll.add(7);
            epoll.add(8);
            var told = new ArrayList<Integer>();
            told.add(epoll.next(0));
            told.add(epoll.next(0));
            assertEquals(List.of(7, 8), told);
            for (int i = 0; i < 2; i++) {
                epoll.rearm(0, one, 7);
                assertEquals(7, epoll.next(0));
            }
            epoll.end();
            assertEquals(Epoll.END, epoll.next(0));
            assertEquals(Epoll.END, epoll.next(0));
        } finally {
            Unix.close(one);
            Unix.close(other);
        }
    }

    @Test
    void the_end_wakes_all_threads_and_nothing_is_told_to_two_of_them() throws Exception {
        int fd = readable();
        var told = Collections.synchronizedList(new ArrayList<Integer>());
        try (var epoll = new Epoll(4)) {
            var threads = new ArrayList<Thread>();
            for (int i = 0; i < 4; i++) {
                int number = i;
                var thread = new Thread(() -> {
                    try {
                        for (int name = epoll.next(number); name != Epoll.END; name = epoll.next(number)) {
                            told.add(name);
                        }
                    } catch (IOException e) {
                        told.add(-9);
                    }
                });
                thread.start();
                threads.add(thread);
            }
            epoll.add(3);
            while (told.isEmpty()) {
                Thread.onSpinWait();
            }
            epoll.end();
            for (Thread thread : threads) {
                thread.join();
            }
        } finally {
            Unix.close(fd);
        }
        assertEquals(List.of(3), told);
    }

    @Test
    void waiting_allocates_nothing() throws Exception {
        int fd = readable();
        try (var epoll = new Epoll(1)) {
            epoll.add(0);
            long warm = 0;
            for (int i = 0; i < 2 * ROUNDS; i++) {
                if (i == ROUNDS) {
                    warm = THREADS.getCurrentThreadAllocatedBytes();
                }
                epoll.next(0);
                epoll.rearm(0, fd, 0);
            }
            long allocated = THREADS.getCurrentThreadAllocatedBytes() - warm;
            // The compiler may still replace the code of the loop, which costs an object or two
            assertTrue(allocated < ROUNDS / 10, allocated + " bytes");
        } finally {
            Unix.close(fd);
        }
    }

    @Test
    void what_cannot_be_watched_is_an_error_in_words() throws Exception {
        try (var epoll = new Epoll(1)) {
            assertEquals("epoll: Bad file descriptor", assertThrows(IOException.class, () -> epoll.rearm(0, -1, 0)).getMessage());
        }
    }
}
