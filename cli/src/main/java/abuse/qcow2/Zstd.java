// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import abuse.libc.Memory;
import abuse.libc.NativeFunction;
import abuse.libc.SharedLibrary;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/** Reads what is compressed with zstd, by the library of that name, which every Debian has. */
final class Zstd implements Decompressor {
    private final NativeFunction findFrameCompressedSize;
    private final NativeFunction decompress;

    private Zstd(SharedLibrary library) throws IOException {
        findFrameCompressedSize = library.function("ZSTD_findFrameCompressedSize", 2);
        decompress = library.function("ZSTD_decompress", 4);
    }

    /** @throws IOException when it cannot be loaded */
    static Zstd load(String name) throws IOException {
        try {
            return new Zstd(SharedLibrary.load(name));
        } catch (IOException e) {
            throw new IOException(e.getMessage() + "; install the package libzstd1", e);
        }
    }

    /** One frame after the other, because a cluster may have several. What fails is an error of zstd, close below zero. */
    @Override
    public boolean decompress(ByteBuffer from, ByteBuffer to) {
        long in = Memory.addressOf(from);
        long out = Memory.addressOf(to);
        long rest = from.limit();
        int filled = 0;
        try {
            while (filled < to.capacity()) {
                long frame = findFrameCompressedSize.call(in, rest);
                long length = frame > 0 ? decompress.call(out + filled, to.capacity() - filled, in, frame) : 0;
                if (length <= 0) {
                    return false;
                }
                in += frame;
                rest -= frame;
                filled += (int) length;
            }
        } finally {
            // An address keeps no buffer from being freed
            Reference.reachabilityFence(from);
            Reference.reachabilityFence(to);
        }
        return true;
    }
}
