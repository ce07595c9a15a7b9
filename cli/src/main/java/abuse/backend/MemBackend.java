// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import java.io.IOException;
import java.util.Set;

/**
 * Keeps the disk in memory, which is taken from the machine as it is written, and given back by discards. If the disk may
 * be mapped, all of the memory is taken at once, and lent to the kernel, which keeps it when this server ends.
 */
final class MemBackend implements AddressedBackend {
    /** mem. */
    public static final class Factory implements BackendFactory {
        @Override
        public String name() {
            return "mem";
        }

        @Override
        public Set<Option> options() {
            return Set.of(Option.PINNED);
        }

        @Override
        public Backend open(String argument, Set<Option> options, Geometry geometry) throws IOException {
            if (geometry.mappable()) {
                return new MemBackend(geometry.capacity());
            }
            if (options.contains(Option.PINNED) && geometry.capacity() > Memory.available()) {
                throw new IOException("mem: no room for " + geometry.capacity() + " bytes; " + Memory.available()
                        + " are available");
            }
            var backend = new MemBackend(geometry.capacity());
            try {
                backend.store = Memory.map(geometry.capacity());
            } catch (OutOfMemoryError e) {
                throw new IOException("mem: no room for " + geometry.capacity() + " bytes: " + e.getMessage(), e);
            }
            return backend;
        }
    }

    private final long capacity;
    /** Null until it is lent. */
    private Memory store;

    private MemBackend(long capacity) {
        this.capacity = capacity;
    }

    @Override
    public void start(Mapper mapper) throws IOException {
        store = mapper.lend(0, capacity);
    }

    @Override
    public long readAddress(long offset, long length) {
        return store.address() + offset;
    }

    @Override
    public long writeAddress(long offset, long length) {
        return store.address() + offset;
    }

    @Override
    public void discard(long offset, long length) {
        store.zero(offset, length);
    }

    @Override
    public void writeZeroes(long offset, long length) {
        store.zero(offset, length);
    }

    @Override
    public void grow(long capacity) throws IOException {
        throw new IOException("mem: the disk has become larger than the memory that this server has for it");
    }

    @Override
    public long size() {
        return capacity;
    }

    @Override
    public void close() {
        if (store != null) {
            store.close();
        }
    }
}
