// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;

/** A disk in an image. What has a place already the kernel writes by itself. */
final class WritableBackend extends Qcow2Backend {
    private final Changes changes;

    /** Takes over the image, unless this throws. */
    WritableBackend(Qcow2Layer image, Changes changes, int maxRequest) throws IOException {
        super(image, maxRequest);
        this.changes = changes;
    }

    @Override
    public long writeAddress(long offset, long length) {
        return changes.isBegun() ? image.writeAddress(offset, length) : SCATTERED;
    }

    @Override
    public void write(long offset, ByteBuffer from) throws IOException {
        changes.write(offset, from);
    }

    @Override
    public void flush() throws IOException {
        changes.flush();
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        changes.discard(offset, length);
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        changes.zero(offset, length);
    }

    @Override
    public void close() throws IOException {
        try {
            changes.close();
        } finally {
            super.close();
        }
    }
}
