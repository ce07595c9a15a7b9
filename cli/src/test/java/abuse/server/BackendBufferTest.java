// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Backend;
import abuse.device.Device;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.SimulatedDevices;
import abuse.device.SimulatedDisk;
import abuse.device.SimulatedDisk.Submitted;
import abuse.libc.Memory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.InvalidMarkException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A backend is given the bytes of one request and no others, as in a new buffer. */
@Timeout(600)
class BackendBufferTest {
    private static final int BLOCK = 4096;
    private static final int CAPACITY = 64 * BLOCK;

    private final SimulatedDevices devices = new SimulatedDevices();
    private final SimulatedDisk disk = devices.add(0).setUp(CAPACITY, Flag.WRITE_CACHE, Flag.WRITE_ZEROES);
    private final List<Integer> lengths = Collections.synchronizedList(new ArrayList<>());
    private final byte[] stored = new byte[CAPACITY];

    /** Checks that a buffer is like a new one, and leaves it in a state that the next request would notice. */
    private void check(ByteBuffer buffer, int length) {
        lengths.add(length);
        assertEquals("position 0, limit " + length + ", BIG_ENDIAN",
                "position " + buffer.position() + ", limit " + buffer.limit() + ", " + buffer.order());
        assertThrows(InvalidMarkException.class, buffer::reset);
        assertTrue(buffer.isDirect());
        buffer.order(ByteOrder.LITTLE_ENDIAN).position(length / 2).mark();
    }

    private class Checking implements Backend {
        @Override
        public int threads() {
            return 1;
        }

        @Override
        public void read(long offset, ByteBuffer into) {
            check(into, into.capacity());
            into.clear().put(stored, (int) offset, into.capacity());
        }

        @Override
        public void write(long offset, ByteBuffer from) {
            check(from, from.capacity());
            from.clear().get(stored, (int) offset, from.capacity());
        }
    }

    /** Its addresses cannot be reached, so all that is read and written passes through a buffer. */
    private final class Unreachable extends Checking implements AddressedBackend {
        @Override
        public boolean isStored() {
            return true;
        }

        @Override
        public long readAddress(long offset, long length) {
            return 4096;
        }

        @Override
        public long writeAddress(long offset, long length) {
            return 4096;
        }

        @Override
        public void close() {}
    }

    /** Answers later, as far as the server knows. */
    private final class Later implements AsyncBackend {
        @Override
        public void submit(AsyncRequest request) {
            int length = (int) request.length();
            ByteBuffer data = request.data();
            check(data, length);
            if (request.kind() == AsyncRequest.Kind.READ) {
                data.clear().put(stored, (int) request.offset(), length);
            } else {
                data.clear().get(stored, (int) request.offset(), length);
            }
            request.complete();
        }

        /** So that one place has them all. */
        @Override
        public int mostUnderWay() {
            return 1;
        }

        @Override
        public void close() {}
    }

    /** Serves until all requests are answered. */
    private void serve(Backend backend, List<Submitted> requests) throws Exception {
        Device device = devices.open("/dev/abctl0");
        var told = new ProblemList();
        var size = new DiskSize(backend, CAPACITY);
        var problems = new Problems(told, 0);
        QueueServer worker = backend instanceof AsyncBackend async
                ? new AsyncWorker(device, 0, device.status(), async, size, 0, problems)
                : new Worker(device, 0, 1, device.status(), backend, size, problems);
        var thread = new Thread(() -> worker.run(() -> {}));
        thread.start();
        try {
            for (Submitted request : requests) {
                assertFalse(request.await().failed(), told.problems::toString);
            }
        } finally {
            worker.drain();
            thread.join();
            worker.close();
        }
        assertNull(worker.failure());
        assertEquals(List.of(), told.problems);
    }

    private static byte[] bytes(int length, int value) {
        var bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    /** Sends requests of several lengths in the same order again and again, so that each buffer is reused. */
    private void exchange(Backend backend) throws Exception {
        var sizes = List.of(4, 1, 8, 3);
        for (int round = 0; round < 3; round++) {
            var writes = new ArrayList<Submitted>();
            int at = 0;
            for (int size : sizes) {
                writes.add(disk.write(at, bytes(size * BLOCK, size + round)));
                at += size * BLOCK;
            }
            serve(backend, writes);
            var reads = new ArrayList<Submitted>();
            at = 0;
            for (int size : sizes) {
                reads.add(disk.read(at, size * BLOCK));
                at += size * BLOCK;
            }
            serve(backend, reads);
            for (int i = 0; i < sizes.size(); i++) {
                assertArrayEquals(bytes(sizes.get(i) * BLOCK, sizes.get(i) + round), reads.get(i).await().data());
            }
        }
        lengths.sort(null);
        var expected = new ArrayList<Integer>();
        for (int size : List.of(1, 3, 4, 8)) {
            for (int i = 0; i < 6; i++) {
                expected.add(size * BLOCK);
            }
        }
        assertEquals(expected, lengths);
    }

    @Test
    void a_batch_gives_each_request_a_buffer_of_its_own() throws Exception {
        exchange(new Checking());
    }

    @Test
    void storage_that_is_reached_by_a_detour_sees_the_same() throws Exception {
        exchange(new Unreachable());
    }

    @Test
    void a_backend_that_answers_later_sees_the_same() throws Exception {
        exchange(new Later());
    }

    @Test
    void zeros_are_written_from_such_a_buffer_too() throws Exception {
        Arrays.fill(stored, (byte) 9);
        serve(new Checking(), List.of(disk.submit(Operation.WRITE_ZEROES, BLOCK, 3 * BLOCK, null, false, 0)));
        assertEquals(List.of(3 * BLOCK), lengths);
        assertArrayEquals(bytes(3 * BLOCK, 0), Arrays.copyOfRange(stored, BLOCK, 4 * BLOCK));
        assertEquals(9, stored[4 * BLOCK]);
    }

    @Test
    void buffers_are_kept_for_any_length_at_the_start_and_for_all_places_of_a_length() {
        int most = 1 << 20;
        for (int room : new int[] {most, 8 * most}) {
            for (int block : new int[] {512, BLOCK, 8 * BLOCK}) {
                try (Memory memory = Memory.map(room)) {
                    var pieces = new Pieces(memory, block, most);
                    checkKept(most / block, i -> pieces.get(0, (i + 1) * block));
                    for (int length = block; length <= most; length *= 2) {
                        int size = length;
                        int distance = Math.max(length, BLOCK);
                        checkKept(room / distance, i -> pieces.get(i * distance, size));
                        assertEquals(memory.address() + room - distance, Memory.addressOf(pieces.get(room - distance, size)));
                    }
                    assertNotSame(pieces.get(0, block), pieces.get(BLOCK, block));
                }
            }
        }
    }

    private static void checkKept(int number, IntFunction<ByteBuffer> piece) {
        var kept = new ArrayList<ByteBuffer>();
        for (int i = 0; i < number; i++) {
            kept.add(piece.apply(i));
        }
        for (int i = 0; i < number; i++) {
            assertSame(kept.get(i), piece.apply(i));
        }
    }
}
