// SPDX-License-Identifier: Apache-2.0
package consumer;

import abuse.backend.Backend;
import abuse.backend.HeapBackend;
import java.nio.ByteBuffer;

/** A backend that writes in capitals. */
public final class Upper implements Backend {
    private final HeapBackend store = new HeapBackend(1 << 20);

    @Override
    public void read(long offset, ByteBuffer into) {
        store.read(offset, into);
    }

    @Override
    public void write(long offset, ByteBuffer from) {
        byte[] bytes = new byte[from.remaining()];
        from.get(bytes);
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Character.toUpperCase(bytes[i]);
        }
        store.write(offset, ByteBuffer.wrap(bytes));
    }
}
