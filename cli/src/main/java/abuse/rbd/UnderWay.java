// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import abuse.backend.AsyncRequest;
import java.util.Arrays;

/** The requests that Ceph has under way, each with a number that it gives back. Any thread. */
final class UnderWay {
    private AsyncRequest[] requests = {};
    /** A stack. */
    private int[] free = {};
    private int freeNumbers;

    /** Gives a request a number. */
    synchronized int add(AsyncRequest request) {
        if (freeNumbers == 0) {
            grow();
        }
        int number = free[--freeNumbers];
        requests[number] = request;
        return number;
    }

    synchronized AsyncRequest get(int number) {
        return requests[number];
    }

    /** The number may stand for another one from now on. */
    synchronized void remove(int number) {
        requests[number] = null;
        free[freeNumbers++] = number;
        if (freeNumbers == requests.length) {
            notifyAll();
        }
    }

    /** Returns when there are none, for a thread that nobody interrupts. */
    synchronized void awaitNone() {
        while (freeNumbers < requests.length) {
            try {
                wait();
            } catch (InterruptedException e) {
                // Nobody does
            }
        }
    }

    private void grow() {
        int before = requests.length;
        int after = Math.max(64, 2 * before);
        var numbers = new int[after];
        requests = Arrays.copyOf(requests, after);
        free = numbers;
        while (after > before) {
            free[freeNumbers++] = --after;
        }
    }
}
