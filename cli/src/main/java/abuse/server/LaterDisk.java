// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AsyncBackend;
import abuse.device.Device;
import abuse.libc.Threads;
import java.util.List;
import java.util.function.Consumer;

/**
 * One of many disks whose backend answers later. It has a thread of its own, which waits for nobody else's storage, and one
 * that watches it.
 */
final class LaterDisk implements AutoCloseable {
    private final AsyncWorker worker;
    private final Watch watch;
    private final Thread thread;

    /**
     * Takes no request yet.
     *
     * @param device a control node, which it closes
     * @param onAsked run once it has asked for requests
     * @param onFailure told once why it cannot go on
     */
    LaterDisk(Device device, Disk disk, AsyncBackend backend, String text, Problems problems, Runnable onAsked,
            Consumer<Throwable> onFailure) {
        worker = new AsyncWorker(device, Device.ANY_QUEUE, disk.status(), backend, disk.size(), 0, problems);
        watch = new Watch(List.of(worker), backend, text, 0, problems);
        thread = new Thread(() -> {
            worker.run(onAsked);
            if (worker.failure() != null) {
                onFailure.accept(worker.failure());
            }
        }, "disk " + disk.status().number());
    }

    void start() {
        thread.start();
        watch.start();
    }

    /** Answers what was taken, and gives back the rest. */
    @Override
    public void close() {
        worker.drain();
        Threads.join(thread);
        watch.close();
        worker.close();
    }
}
