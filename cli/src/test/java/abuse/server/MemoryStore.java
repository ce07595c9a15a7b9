// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AddressedBackend;
import abuse.libc.Memory;

/** Storage behind addresses, which is memory. */
class MemoryStore implements AddressedBackend {
    final Memory memory;

    MemoryStore(long size) {
        memory = Memory.map(size);
    }

    @Override
    public boolean isStored() {
        return true;
    }

    @Override
    public long readAddress(long offset, long length) {
        return memory.address() + offset;
    }

    @Override
    public long writeAddress(long offset, long length) {
        return memory.address() + offset;
    }

    @Override
    public void close() {
        memory.close();
    }
}
