// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Memory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** A list that the kernel tells in parts, each behind the structure that asks for it. */
final class Listing {
    /** The call that fills a part. */
    interface Call {
        void at(long address) throws DeviceException;
    }

    /** How an element is read. */
    interface Decoder<T> {
        T decode(ByteBuffer from, int at);
    }

    private static final int ROOM = 256;

    private Listing() {}

    static <T> List<T> read(Call call, int elementSize, Decoder<T> decoder) throws DeviceException {
        var all = new ArrayList<T>();
        forEach(call, elementSize, decoder, all::add);
        return all;
    }

    static <T> void forEach(Call call, int elementSize, Decoder<T> decoder, Consumer<T> action) throws DeviceException {
        try (Memory memory = Memory.map(Abi.Listing.SIZE_OF + ROOM * (long) elementSize)) {
            ByteBuffer raw = memory.buffer();
            raw.putInt(Abi.Listing.SIZE, Abi.Listing.SIZE_OF);
            raw.putLong(Abi.Listing.ELEMENTS, memory.address() + Abi.Listing.SIZE_OF);
            raw.putInt(Abi.Listing.ELEMENT_SIZE, elementSize);
            do {
                raw.putInt(Abi.Listing.NR, ROOM);
                call.at(memory.address());
                for (int i = 0; i < raw.getInt(Abi.Listing.NR); i++) {
                    action.accept(decoder.decode(raw, Abi.Listing.SIZE_OF + i * elementSize));
                }
            } while (raw.getLong(Abi.Listing.CURSOR) != 0);
        }
    }
}
