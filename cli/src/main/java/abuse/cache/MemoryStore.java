// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.Mapper;
import abuse.libc.Memory;
import abuse.libc.MemoryFile;
import java.io.IOException;

/** A cache in memory, which ends with its server. */
final class MemoryStore implements Store {
    private final long size;
    private final int piece;
    private MemoryFile file;

    MemoryStore(long size, int piece) {
        this.size = size;
        this.piece = piece;
    }

    @Override
    public Pieces open(Base base) throws IOException {
        int places = (int) Math.min(size / piece, Integer.MAX_VALUE / 2);
        file = MemoryFile.allocate((long) places * piece);
        return new Pieces(places);
    }

    @Override
    public void write(int place, int offset, long address, int length) {
        Memory.copy(address, addressOf(place) + offset, length);
    }

    @Override
    public void read(int place, int offset, long address, int length) {
        Memory.copy(addressOf(place) + offset, address, length);
    }

    @Override
    public void map(Mapper mapper, long offset, int place) throws IOException {
        mapper.map(offset, piece, file, (long) place * piece, false);
    }

    @Override
    public void close() {
        if (file != null) {
            file.close();
        }
    }

    private long addressOf(int place) {
        return file.memory().address() + (long) place * piece;
    }
}
