// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Memory;
import abuse.libc.Unix;

/** A file that switches something by being there. To look for it allocates nothing. */
final class TriggerFile implements AutoCloseable {
    private final Memory path;

    TriggerFile(String path) {
        byte[] name = path.getBytes(UTF_8);
        this.path = Memory.map(name.length + 1);
        this.path.buffer().put(name);
    }

    boolean exists() {
        return Unix.exists(path.address());
    }

    @Override
    public void close() {
        path.close();
    }
}
