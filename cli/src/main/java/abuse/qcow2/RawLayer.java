// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;

/** A backing file that holds the bytes of a disk one after the other. */
final class RawLayer implements Layer {
    private final ImageFile file;
    private final long size;

    RawLayer(ImageFile file) {
        this.file = file;
        size = file.size();
        file.map(size);
    }

    @Override
    public long address(long offset, long length) {
        return offset >= size ? ZEROS : file.address(offset, length);
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        int n = (int) Math.max(0, Math.min(into.remaining(), size - offset));
        if (n > 0) {
            file.read(offset, into, n);
        }
        Layer.zeros(into, into.remaining());
    }

    @Override
    public void close() {
        file.close();
    }
}
