// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.Mapper;
import java.io.IOException;

/** Where the pieces of a cache are: places of one size each. What is moved is whole blocks of the disk. */
interface Store {
    /**
     * Opens it, once nothing of an earlier cache is mapped any more.
     *
     * @param base what the pieces are pieces of
     * @return what it holds already
     * @throws IOException when there can be no cache; the message names it
     */
    Pieces open(Base base) throws IOException;

    /** Copies bytes from an address to a place. */
    void write(int place, int offset, long address, int length) throws IOException;

    /** Copies bytes from a place to an address. */
    void read(int place, int offset, long address, int length) throws IOException;

    /** Has the kernel read a piece, which begins at this byte of the disk, from its place. */
    void map(Mapper mapper, long offset, int place) throws IOException;

    /** Keeps others away, as from {@link #open} on, until something is mapped: then the kernel does. Fails if somebody has it. */
    default void claim() throws IOException {}

    /** Others may have it. */
    default void release() {}

    /** Makes what it holds last, if the next server can know whose bytes it has; only after all was well, and nothing is mapped any more. */
    default void keep(Pieces pieces, Base base) throws IOException {}

    void close();
}
