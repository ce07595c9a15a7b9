// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Memory;
import abuse.libc.Unix;

/**
 * A file that switches something by being there. It is looked for once in a millisecond at most, whatever the number of
 * requests; to look for it allocates nothing.
 */
final class TriggerFile implements AutoCloseable {
    static final long LOOK_NS = 1_000_000;

    private final Memory path;
    private volatile boolean there;
    /** When it was looked for last, after which {@link #there} is valid for a while. */
    private volatile long looked = System.nanoTime() - LOOK_NS;

    TriggerFile(String path) {
        byte[] name = path.getBytes(UTF_8);
        this.path = Memory.map(name.length + 1);
        this.path.buffer().put(name);
    }

    boolean exists() {
        return exists(System.nanoTime());
    }

    boolean exists(long now) {
        if (now - looked >= LOOK_NS) {
            there = Unix.exists(path.address());
            looked = now;
        }
        return there;
    }

    @Override
    public void close() {
        path.close();
    }
}
