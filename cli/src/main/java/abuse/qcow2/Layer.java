// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import abuse.backend.AddressedBackend;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The bytes of a disk as one file of a chain of backing files has them, with all that lies below. Beyond its end are zeros. */
interface Layer extends AutoCloseable {
    /** In place of an address: the bytes have none. */
    long SCATTERED = AddressedBackend.SCATTERED;
    /** In place of an address: they are zeros. */
    long ZEROS = -2;

    /** The address of a range, if that can be told without a wait. */
    long address(long offset, long length);

    /** Fills the buffer. */
    void read(long offset, ByteBuffer into) throws IOException;

    @Override
    void close();

    /** Puts zeros into a buffer. */
    static void zeros(ByteBuffer into, int length) {
        int end = into.position() + length;
        for (; into.position() + Long.BYTES <= end; into.putLong(0)) {
            // Eight at a time
        }
        while (into.position() < end) {
            into.put((byte) 0);
        }
    }
}
