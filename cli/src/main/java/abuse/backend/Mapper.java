// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import abuse.libc.MemoryFile;
import java.io.IOException;

/**
 * Lets the kernel itself carry out reads and writes of a disk, on another block device or in memory: like the page table
 * of a process, which its page-fault handler fills. What is mapped needs no server. What is not mapped, discards and writes
 * of zeroes unless {@link #mapAll} or {@link #lend} takes them, and each flush come to the backend as ever.
 *
 * <p>A backend may map all it has before the first request, or a range when it is first asked for: it maps it, and throws a
 * {@link RetryException} in place of an answer. The kernel then carries that request out, too, and the backend moves no byte:
 *
 * <pre>{@code
 * public void read(long offset, ByteBuffer into) throws IOException {
 *     long start = offset - offset % EXTENT;
 *     mapper.map(start, EXTENT, "/dev/fast", placeOf(start), true);
 *     throw new RetryException();
 * }
 * }</pre>
 *
 * <p>If the block device fails a request that is mapped there, the backend gets it, as if nothing were mapped. So one that
 * finds a range mapped already does not ask for the same request again and again: it answers it.
 *
 * <p>What the backend still has in hand when it maps a range is carried out as well, in any order. So it must reach the
 * block device as the kernel does, without the page cache, and map nothing that it is still changing for another
 * request. All numbers are bytes, and multiples of the disk's block size. Any thread may call.
 */
public interface Mapper {
    /**
     * Maps a range; what was mapped there before is replaced. But while the backend starts it may be somebody else's, and only what
     * leads to the same device is: for the rest this fails.
     *
     * @param offset the first byte, of the disk
     * @param length more than 0
     * @param target path of a block device, which is claimed as long as anything is mapped to it
     * @param targetOffset the first byte, of that device
     * @param writable for writes, too; otherwise they come to the backend
     * @throws IOException when the kernel refuses, such as for a device that is in use, or the range is somebody else's; the message
     *     names it
     */
    void map(long offset, long length, String target, long targetOffset, boolean writable) throws IOException;

    /**
     * The same for reads and writes, and for discards and writes of zeroes as far as the device can do them; the others come
     * to the backend.
     */
    void mapAll(long offset, long length, String target, long targetOffset) throws IOException;

    /**
     * Maps a range to memory, for all but flushes; a discard leaves zeros. If an earlier server has lent memory for it, it is that memory, with
     * what is in it. Otherwise it is new, and zeros. The memory outlives this server, until {@link #unmap} or a reset of
     * the disk, and cannot be swapped.
     *
     * @param offset the first byte, of the disk; a multiple of the page size
     * @param length more than 0
     * @return the memory: what the backend writes there, users of the disk read. The caller closes it, and the kernel
     *     keeps it
     * @throws IOException when there is not so much, or when a part is mapped to a block device, or when an earlier server lent
     *     memory that others can cut, so that touching it could end this process
     */
    Memory lend(long offset, long length) throws IOException;

    /**
     * Maps a range to memory that the backend has; what was mapped there before is replaced. It stays so until
     * {@link #unmap} or a reset of the disk, and meanwhile cannot be swapped.
     *
     * @param offset the first byte, of the disk
     * @param length more than 0
     * @param target what the backend writes there, users of the disk read
     * @param targetOffset the first byte, of that memory
     * @param writable for writes, too; otherwise they come to the backend
     * @throws IOException when the kernel refuses, such as for more memory than RLIMIT_MEMLOCK allows
     */
    void map(long offset, long length, MemoryFile target, long targetOffset, boolean writable) throws IOException;

    /** The range comes to the backend again. When this returns, nothing uses what was mapped there, and it is flushed. */
    void unmap(long offset, long length) throws IOException;

    /** The same for ranges of one length, which takes hardly longer than for one of them. */
    void unmap(long length, long[] offsets) throws IOException;
}
