// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.libc.Memory;
import java.util.Random;
import java.util.Set;

/** A process that writes the blocks of an image in turn, and one character for each that was answered, until it is killed. */
final class RbdWriter {
    private RbdWriter() {}

    /** What the write with this number writes; zeros before the first one. */
    static byte[] block(int seed, long number) {
        byte[] bytes = new byte[ServerTestBase.BLOCK];
        if (number < 0) {
            return bytes;
        }
        new Random(seed * 1_000_003L + number).nextBytes(bytes);
        return bytes;
    }

    public static void main(String[] arguments) throws Exception {
        int seed = Integer.parseInt(arguments[1]);
        var geometry = new Geometry(0, ServerTestBase.CAPACITY, ServerTestBase.BLOCK, 1 << 20, false);
        try (var backend = new Backends().open(arguments[0], Set.of(), geometry); Memory memory = Memory.map(ServerTestBase.BLOCK)) {
            backend.writeZeroes(0, ServerTestBase.CAPACITY);
            for (long number = 0;; number++) {
                memory.buffer().put(0, block(seed, number));
                backend.write(number % ServerTestBase.BLOCKS * ServerTestBase.BLOCK, memory.buffer(0, ServerTestBase.BLOCK));
                System.out.write('.');
                System.out.flush();
            }
        }
    }
}
