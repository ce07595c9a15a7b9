// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * An image that is mapped into memory: the kernel moves the bytes between a request and the page
 * cache by itself. Java never touches them, so that bytes that cannot be read only fail a request.
 */
final class MappedFileBackend extends FileBackend implements AddressedBackend {
    private final boolean writable;
    /** The last one maps all of the image; the others stay, because the kernel may still use them. */
    private final List<Memory> mappings = new ArrayList<>();
    private volatile long start;

    private MappedFileBackend(FileBackend image, Memory mapping, boolean writable) {
        super(image);
        this.writable = writable;
        use(mapping);
    }

    /** The image, mapped if possible. */
    static Backend of(FileBackend image, Geometry geometry) {
        Memory mapping = Memory.mapFile(image.fd, geometry.capacity(), !geometry.readOnly());
        return mapping == null ? image : new MappedFileBackend(image, mapping, !geometry.readOnly());
    }

    @Override
    public long readAddress(long offset, long length) {
        return start + offset;
    }

    @Override
    public long writeAddress(long offset, long length) {
        return start + offset;
    }

    @Override
    public boolean isStored() {
        return true;
    }

    @Override
    public void grow(long capacity) throws IOException {
        super.grow(capacity);
        Memory mapping = Memory.mapFile(fd, capacity, writable);
        if (mapping == null) {
            throw failure();
        }
        use(mapping);
    }

    @Override
    public void close() {
        mappings.forEach(Memory::close);
        super.close();
    }

    private void use(Memory mapping) {
        mappings.add(mapping);
        start = mapping.address();
    }
}
