// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicBoolean;

/** Looks at simulated nodes again and again. */
final class SimulatedPoller implements Poller {
    private final Map<Integer, SimulatedNode> armed = new HashMap<>();
    private final Queue<Integer> fresh = new ArrayDeque<>();
    /** The kernel's has one place for what is added. */
    private final AtomicBoolean adding = new AtomicBoolean();
    private boolean ended;

    @Override
    public void add(int name) {
        if (!adding.compareAndSet(false, true)) {
            throw new IllegalStateException("two threads add devices at once");
        }
        Thread.yield();
        synchronized (this) {
            fresh.add(name);
        }
        adding.set(false);
    }

    @Override
    public synchronized void rearm(int thread, Device device, int name) {
        armed.put(name, (SimulatedNode) device);
    }

    @Override
    public int next(int thread) {
        while (true) {
            synchronized (this) {
                if (ended) {
                    return END;
                }
                if (!fresh.isEmpty()) {
                    return fresh.remove();
                }
                for (var node : armed.entrySet()) {
                    if (node.getValue().hasEvent()) {
                        armed.remove(node.getKey());
                        return node.getKey();
                    }
                }
                try {
                    wait(1);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        }
    }

    @Override
    public synchronized void end() {
        ended = true;
        notifyAll();
    }

    @Override
    public void close() {}
}
