// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import java.util.Set;

/** Reads zeros, and forgets what is written. */
final class NullBackend implements AddressedBackend {
    /** null. */
    public static final class Factory implements BackendFactory {
        @Override
        public String name() {
            return "null";
        }

        @Override
        public Backend open(String argument, Set<Option> options, Geometry geometry) {
            return new NullBackend(geometry);
        }
    }

    private final Memory zeros;

    NullBackend(Geometry geometry) {
        zeros = Memory.map(geometry.maxRequest());
    }

    @Override
    public long readAddress(long offset, long length) {
        if (length > zeros.size()) {
            throw new IllegalArgumentException("a read longer than the device allows");
        }
        return zeros.address();
    }

    @Override
    public long writeAddress(long offset, long length) {
        return 0;
    }

    @Override
    public void writeZeroes(long offset, long length) {}

    @Override
    public void grow(long capacity) {}

    /** Nothing is kept, so all null backends are alike. */
    @Override
    public String identity() {
        return "null";
    }

    @Override
    public void close() {
        zeros.close();
    }
}
