// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;

/** Reads zeros, and forgets what is written. */
final class NullBackend implements AddressedBackend {
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
    public void close() {
        zeros.close();
    }
}
