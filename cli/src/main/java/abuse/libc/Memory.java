// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.kenai.jffi.MemoryIO;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Memory outside the Java heap, at an address that can be passed to the kernel. It is page aligned and zeroed, and
 * takes a page from the machine only when that page is written.
 */
public final class Memory implements AutoCloseable {
    private static final MemoryIO IO = NativePart.memory();

    private static final int PAGE_SIZE = Unix.pageSize();

    private final long address;
    private final long size;
    private final boolean shared;

    private Memory(long address, long size, boolean shared) {
        this.address = address;
        this.size = size;
        this.shared = shared;
    }

    /**
     * Maps fresh memory.
     *
     * @param size bytes, more than 0
     * @throws OutOfMemoryError when there is no room for it, with the C library's reason
     */
    public static Memory map(long size) {
        long address = Unix.mmap(size, Unix.PROT_READ | Unix.PROT_WRITE,
                Unix.MAP_PRIVATE | Unix.MAP_ANONYMOUS | Unix.MAP_NORESERVE, -1, 0);
        if (address == -1) {
            throw new OutOfMemoryError(Unix.strerror(Unix.errno()));
        }
        return new Memory(address, size, false);
    }

    /** A string in UTF-8, with a NUL at its end. */
    public static Memory text(String text) {
        byte[] bytes = text.getBytes(UTF_8);
        Memory memory = map(bytes.length + 1L);
        memory.buffer().put(0, bytes);
        return memory;
    }

    /** The string at an address, in UTF-8 and with a NUL at its end. */
    public static String textAt(long address) {
        return new String(IO.getZeroTerminatedByteArray(address), UTF_8);
    }

    /**
     * Maps a file, shared. The file may be shorter; what lies beyond its end cannot be reached. Only the kernel
     * should touch the bytes, because the process would end at one that cannot be read.
     *
     * @return null when the file cannot be mapped
     */
    public static Memory mapFile(int fd, long size, boolean writable) {
        long address = Unix.mmap(size, Unix.PROT_READ | (writable ? Unix.PROT_WRITE : 0), Unix.MAP_SHARED, fd, 0);
        return address == -1 ? null : new Memory(address, size, true);
    }

    /**
     * Maps a part of a file in memory, shared.
     *
     * @param offset bytes, a multiple of the page size
     */
    public static Memory share(int fd, long offset, long size) throws IOException {
        long address = Unix.mmap(size, Unix.PROT_READ | Unix.PROT_WRITE, Unix.MAP_SHARED, fd, offset);
        if (address == -1) {
            throw new IOException("no room for " + size + " bytes: " + Unix.strerror(Unix.errno()));
        }
        return new Memory(address, size, true);
    }

    /** The size of a page in bytes. */
    public static int pageSize() {
        return PAGE_SIZE;
    }

    /** How many bytes the machine can provide before it has to swap. */
    public static long available() throws IOException {
        try (var lines = Files.lines(Path.of("/proc/meminfo"))) {
            String line = lines.filter(one -> one.startsWith("MemAvailable:")).findFirst().orElseThrow();
            return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
        }
    }

    /** The address of the first byte. */
    public long address() {
        return address;
    }

    /** The size in bytes. */
    public long size() {
        return size;
    }

    /**
     * All of it, up to 2 GiB, in the machine's byte order. The buffer does not keep the memory
     * mapped: use it only until {@link #close}.
     */
    public ByteBuffer buffer() {
        return IO.newDirectByteBuffer(address, Math.toIntExact(size)).order(ByteOrder.nativeOrder());
    }

    /** A part of it, like a new buffer: its order is big endian. It, too, is used only until {@link #close}. */
    public ByteBuffer buffer(long offset, int length) {
        return IO.newDirectByteBuffer(address + offset, length);
    }

    /** Fills a range with zeros, and gives its whole pages back to the machine, unless others may have them, too. */
    public void zero(long offset, long length) {
        long page = pageSize();
        long start = address + offset;
        long end = start + length;
        long firstPage = (start + page - 1) & -page;
        long lastPage = end & -page;
        if (shared || firstPage >= lastPage || Unix.madvise(firstPage, lastPage - firstPage, Unix.MADV_DONTNEED) != 0) {
            IO.setMemory(start, length, (byte) 0);
        } else {
            IO.setMemory(start, firstPage - start, (byte) 0);
            IO.setMemory(lastPage, end - lastPage, (byte) 0);
        }
    }

    /** The number at an offset, in the machine's byte order. */
    public int getInt(long offset) {
        return IO.getInt(address + offset);
    }

    /** Sets the number at an offset, in the machine's byte order. */
    public void putInt(long offset, int value) {
        IO.putInt(address + offset, value);
    }

    /** The number at an offset, in the machine's byte order. */
    public long getLong(long offset) {
        return IO.getLong(address + offset);
    }

    /** Sets the number at an offset, in the machine's byte order; at a multiple of 8 no other thread sees half of it. */
    public void putLong(long offset, long value) {
        IO.putLong(address + offset, value);
    }

    /** The address of a direct buffer's position. */
    public static long addressOf(ByteBuffer direct) {
        return IO.getDirectBufferAddress(direct) + direct.position();
    }

    /** Copies bytes from address to address. */
    public static void copy(long from, long to, long length) {
        IO.copyMemory(from, to, length);
    }

    @Override
    public void close() {
        Unix.munmap(address, size);
    }
}
