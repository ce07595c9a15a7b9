// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import java.nio.ByteBuffer;

/** A method of compression. */
interface Decompressor {
    /**
     * Fills a whole direct buffer.
     *
     * @param from a direct buffer; what follows the compressed data in it is ignored
     * @return false if that was not enough, or makes no sense
     */
    boolean decompress(ByteBuffer from, ByteBuffer to);
}
