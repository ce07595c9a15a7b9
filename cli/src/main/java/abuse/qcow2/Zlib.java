// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import java.nio.ByteBuffer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Reads what is compressed with zlib, without its header and its sum, and maybe with less than the whole window. */
final class Zlib implements Decompressor {
    @Override
    public boolean decompress(ByteBuffer from, ByteBuffer to) {
        var inflater = new Inflater(true);
        try {
            inflater.setInput(from);
            to.clear();
            while (to.hasRemaining() && inflater.inflate(to) > 0) {
                continue;
            }
            return !to.hasRemaining();
        } catch (DataFormatException e) {
            return false;
        } finally {
            inflater.end();
        }
    }
}
