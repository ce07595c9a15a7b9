// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import abuse.backend.AddressedBackend;
import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A disk in an image that is only read. The kernel moves the bytes of a request by itself if they lie in one piece, as
 * they mostly do.
 */
class Qcow2Backend implements AddressedBackend {
    final Qcow2Layer image;
    private final String identity;
    private final Memory zeros;

    /** Takes over the image, unless this throws. */
    Qcow2Backend(Qcow2Layer image, int maxRequest) throws IOException {
        this.image = image;
        identity = image.file.writable ? null : "qcow2 " + image.file.key();
        zeros = Memory.map(maxRequest);
        // The kernel does not wait for pages that are not there yet
        for (long at = 0; at < maxRequest; at += Memory.pageSize()) {
            zeros.getLong(at);
        }
    }

    @Override
    public final long readAddress(long offset, long length) {
        long address = image.address(offset, length);
        return address != Layer.ZEROS ? address : length <= zeros.size() ? zeros.address() : SCATTERED;
    }

    @Override
    public long writeAddress(long offset, long length) {
        return SCATTERED;
    }

    @Override
    public final boolean isStored() {
        return true;
    }

    @Override
    public final void read(long offset, ByteBuffer into) throws IOException {
        image.read(offset, into);
    }

    @Override
    public void write(long offset, ByteBuffer from) throws IOException {
        throw readOnly();
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        throw readOnly();
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        throw readOnly();
    }

    @Override
    public final long size() {
        return image.header.size();
    }

    @Override
    public final void grow(long capacity) throws IOException {
        if (capacity > size()) {
            throw new IOException(image.file.path + ": the disk has become larger than the image; 'qemu-img resize' makes that larger"
                    + " while no server is there");
        }
    }

    /** Servers that read may share it; those that write have tables in memory. */
    @Override
    public final String identity() {
        return identity;
    }

    @Override
    public final int threads() {
        return 8;
    }

    @Override
    public void close() throws IOException {
        try (zeros; image) {
            // Both, whatever happens
        }
    }

    private IOException readOnly() {
        return new IOException(image.file.path + ": was opened for reading only");
    }
}
