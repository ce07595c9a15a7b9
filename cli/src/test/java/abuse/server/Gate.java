// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;

/** Where a backend waits until the test has seen it there. */
final class Gate {
    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch opened = new CountDownLatch(1);

    /** Waits until the gate is open. */
    void pass() throws IOException {
        reached.countDown();
        try {
            opened.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    /** Whether somebody has come to the gate. */
    boolean isReached() {
        return reached.getCount() == 0;
    }

    /** Waits until somebody has come to the gate. */
    void awaitReached() throws InterruptedException {
        reached.await();
    }

    /** Lets everybody pass from now on. */
    void open() {
        opened.countDown();
    }
}
