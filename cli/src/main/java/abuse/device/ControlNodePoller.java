// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Epoll;
import java.io.IOException;

/** Waits for requests of control nodes of the kernel module. */
final class ControlNodePoller implements Poller {
    private final Epoll epoll;

    ControlNodePoller(int threads) throws IOException {
        epoll = new Epoll(threads);
    }

    @Override
    public void add(int name) throws IOException {
        epoll.add(name);
    }

    @Override
    public void rearm(int thread, Device device, int name) throws IOException {
        epoll.rearm(thread, ((ControlNode) device).fd(), name);
    }

    @Override
    public int next(int thread) throws IOException {
        int name = epoll.next(thread);
        return name == Epoll.END ? END : name;
    }

    @Override
    public void end() {
        epoll.end();
    }

    @Override
    public void close() {
        epoll.close();
    }
}
