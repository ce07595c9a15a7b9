// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;

/** Looks at simulated nodes again and again. */
final class SimulatedPoller implements Poller {
    private final Map<Integer, SimulatedNode> armed = new HashMap<>();
    private final Queue<Integer> fresh = new ArrayDeque<>();
    private boolean ended;

    @Override
    public synchronized void add(Device device, int name) {
        armed.put(name, (SimulatedNode) device);
        fresh.add(name);
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
