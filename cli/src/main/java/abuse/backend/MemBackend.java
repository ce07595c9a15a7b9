// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import java.io.IOException;
import java.util.Set;

/** Keeps the disk in memory, which is taken from the machine as it is written, and given back by discards. */
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
            if (options.contains(Option.PINNED) && geometry.capacity() > Memory.available()) {
                throw new IOException("mem: no room for " + geometry.capacity() + " bytes; " + Memory.available()
                        + " are available");
            }
            return new MemBackend(geometry);
        }
    }

    private final Memory store;

    MemBackend(Geometry geometry) throws IOException {
        try {
            store = Memory.map(geometry.capacity());
        } catch (OutOfMemoryError e) {
            throw new IOException("mem: no room for " + geometry.capacity() + " bytes: " + e.getMessage(), e);
        }
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
        return store.size();
    }

    @Override
    public void close() {
        store.close();
    }
}
