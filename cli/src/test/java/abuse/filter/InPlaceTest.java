// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Backends;
import abuse.backend.Failure;
import abuse.backend.Gate;
import abuse.backend.Geometry;
import abuse.libc.Memory;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A disk in memory whose bytes the kernel moves itself, though there are filters before it. */
@Timeout(60)
class InPlaceTest {
    private static final Geometry GEOMETRY = new Geometry(0, 1 << 20, TestStore.BLOCK, 1 << 17, false);

    private final AddressedBackend memory;
    private FilteredBackend disk;

    InPlaceTest() throws Exception {
        memory = (AddressedBackend) new Backends().open("mem", Set.of(), GEOMETRY);
    }

    /** Knows whether its data was asked for, and what the kernel is to do. */
    private static final class Placed extends TestRequest {
        boolean asked;
        long address = -1;
        Runnable moved;

        Placed(Kind kind, long block) {
            super(kind, block, 1);
        }

        @Override
        public ByteBuffer data() {
            asked = true;
            return super.data();
        }

        @Override
        public void completeSoonAt(long where, Runnable then) {
            address = where;
            moved = then;
            completeSoon();
        }
    }

    private void put(Filter... filters) throws Exception {
        disk = new FilteredBackend(memory, List.of(filters), GEOMETRY, OutputStream.nullOutputStream());
    }

    private Placed submit(Kind kind, long block) {
        var request = new Placed(kind, block);
        if (kind == Kind.WRITE) {
            request.data().put(0, (byte) 7);
            request.asked = false;
        }
        request.submitTo(disk);
        return request;
    }

    private int byteOf(long block) {
        var data = ByteBuffer.allocateDirect(TestStore.BLOCK);
        Memory.copy(memory.readAddress(block * TestStore.BLOCK, TestStore.BLOCK), Memory.addressOf(data), TestStore.BLOCK);
        return data.get(0);
    }

    @AfterEach
    void close() throws Exception {
        disk.close();
    }

    @Test
    void the_kernel_moves_them_if_no_filter_looks_at_them() throws Exception {
        put(TestStore.filter("error", Map.of("rate", 0.0)), TestStore.filter("stats", Map.of("file", "/dev/null")),
                TestStore.filter("delay", Map.of("time", 1_000_000L)), TestStore.filter("rate", Map.of("requests", 1000L)),
                TestStore.filter("retry", Map.of()), TestStore.filter("log", Map.of("file", "/dev/null")));
        assertFalse(disk.wantsData());
        for (Kind kind : List.of(Kind.READ, Kind.WRITE)) {
            Placed request = submit(kind, 3);
            assertNull(request.await());
            assertEquals(memory.readAddress(3 * TestStore.BLOCK, TestStore.BLOCK), request.address);
            assertFalse(request.asked);
            request.moved.run();
        }
        assertEquals(0, byteOf(3));
    }

    @Test
    void a_filter_that_looks_at_them_has_them() throws Exception {
        put(TestStore.filter("check", Map.of()));
        assertTrue(disk.wantsData());
        for (Kind kind : List.of(Kind.WRITE, Kind.READ)) {
            Placed request = submit(kind, 3);
            assertNull(request.await());
            assertEquals(-1, request.address);
            assertEquals(7, request.data().get(0));
        }
        assertEquals(7, byteOf(3));
    }

    @Test
    void a_write_that_fails_after_it_was_carried_out_is_there() throws Exception {
        put(TestStore.filter("error", Map.of("fail", "after")));
        Placed write = submit(Kind.WRITE, 3);
        assertEquals(Failure.IO, write.await());
        assertEquals(-1, write.address);
        assertEquals(7, byteOf(3));
        Placed read = submit(Kind.READ, 3);
        assertEquals(Failure.IO, read.await());
        assertFalse(read.asked);
    }

    /** Says that all is well. */
    private static final class Healer extends Filter {
        Healer() throws Exception {
            super(new Settings(Map.of()));
        }

        @Override
        protected boolean looksAtData() {
            return false;
        }

        @Override
        protected void take(FilteredRequest request) {
            request.pass();
        }

        @Override
        protected void answered(FilteredRequest request) {
            request.turn(null);
        }
    }

    @Test
    void what_a_filter_has_turned_back_ends_as_it_would_without() throws Exception {
        put(new Healer(), TestStore.filter("error", Map.of("fail", "after")));
        Placed read = submit(Kind.READ, 3);
        assertNull(read.await());
        assertEquals(memory.readAddress(3 * TestStore.BLOCK, TestStore.BLOCK), read.address);
        read.moved.run();
    }

    @Test
    void what_no_filter_takes_need_not_be_submitted() throws Exception {
        put(TestStore.filter("error", Map.of("op", Set.of("write"), "every", 2L)), TestStore.filter("error", Map.of("op", Set.of("discard"))));
        Gate gate = disk.gate(() -> false);
        assertTrue(gate.open());
        var write = new Placed(Kind.WRITE, 3);
        assertEquals(Gate.NOTHING, gate.look(write));
        assertEquals(memory.writeAddress(3 * TestStore.BLOCK, TestStore.BLOCK), gate.address(write));
        int what = gate.look(write);
        assertFalse(what == Gate.NOTHING);
        gate.submit(write, what);
        disk.submitted();
        assertEquals(Failure.IO, write.await());
        var flush = TestRequest.flush();
        gate.submit(flush, gate.look(flush));
        disk.submitted();
        assertNull(flush.await());
        gate.close();
        assertEquals(2, disk.filters().get(0).matched());
    }

    @Test
    void the_filters_change_when_a_gate_is_closed() throws Exception {
        put(TestStore.filter("error", Map.of("rate", 0.0)));
        Gate gate = disk.gate(() -> false);
        assertTrue(gate.open());
        changeAfter(() -> {
            assertFalse(disk.gate(() -> false).open());
            gate.close();
        });
        assertTrue(gate.open());
        assertFalse(gate.look(new Placed(Kind.WRITE, 3)) == Gate.NOTHING);
        gate.close();
    }

    @Test
    void a_gate_whose_thread_waits_holds_up_no_change() throws Exception {
        put(TestStore.filter("error", Map.of("rate", 0.0)));
        var idle = new AtomicBoolean();
        Gate gate = disk.gate(idle::get);
        assertTrue(gate.open());
        changeAfter(() -> idle.set(true));
        gate.close();
        assertTrue(gate.open());
        gate.close();
        // That waits until nothing is counted as under way
        disk.change(List.of());
    }

    @Test
    void a_gate_that_was_opened_again_meanwhile_stays_open() throws Exception {
        put(TestStore.filter("error", Map.of("rate", 0.0)));
        var waits = new AtomicBoolean(true);
        var gate = new Gate[1];
        gate[0] = disk.gate(() -> {
            if (!waits.getAndSet(false)) {
                return false;
            }
            // A request has come at that moment
            gate[0].close();
            return gate[0].open();
        });
        assertTrue(gate[0].open());
        disk.change(List.of(TestStore.filter("error", Map.of("rate", 0.0))));
        assertFalse(waits.get());
        changeAfter(gate[0]::close);
    }

    @Test
    void the_filters_change_when_the_kernel_has_moved_them() throws Exception {
        put(TestStore.filter("error", Map.of("rate", 0.0)));
        Placed write = submit(Kind.WRITE, 3);
        changeAfter(() -> write.moved.run());
    }

    /** Has a filter added that keeps something of the disk, which waits for an action. */
    private void changeAfter(Runnable action) throws Exception {
        disk.alone();
        var changer = new Thread[1];
        var change = CompletableFuture.supplyAsync(() -> {
            changer[0] = Thread.currentThread();
            try {
                disk.change(List.of(TestStore.filter("powerfail", Map.of())));
            } catch (Exception e) {
                return e;
            }
            return null;
        }, task -> new Thread(task).start());
        while (!change.isDone() && (changer[0] == null || changer[0].getState() != Thread.State.TIMED_WAITING)) {
            Thread.onSpinWait();
        }
        assertFalse(change.isDone());
        action.run();
        assertNull(change.get());
        assertEquals("PowerFailFilter", disk.filters().get(0).getClass().getSimpleName());
    }
}
