// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.libc.Unix;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BatchTest {
    private static final int UNTAKEN = 1;

    /** A batch after an ioctl, whose answers have the ids 1 and up and the given statuses. */
    private static Batch answered(int taken, int... statuses) {
        var batch = new Batch(statuses.length);
        var raw = batch.raw();
        for (int i = 0; i < statuses.length; i++) {
            raw.putLong(batch.getAt(i) + Abi.Get.ID, i + 1);
            batch.answer(i, Result.OKAY, 0x1000L * (i + 1));
        }
        batch.prepare();
        for (int i = 0; i < statuses.length; i++) {
            raw.putInt(batch.putAt(i) + Abi.Put.STATUS, statuses[i]);
        }
        raw.putInt(Abi.Xfer.NR_PUTS, taken);
        raw.putInt(Abi.Xfer.NR_GETS, 0);
        return batch;
    }

    private static long id(Batch batch, int i) {
        return batch.raw().getLong(batch.putAt(i) + Abi.Put.ID);
    }

    @Test
    void taken_answers_are_gone() {
        var batch = answered(2, 0, 0);
        batch.complete();
        assertEquals(0, batch.answers());
        assertEquals(0, batch.stale());
    }

    @Test
    void stale_answers_are_counted_and_gone() {
        var batch = answered(1, 0, -Unix.ENOMSG, -Unix.ENOMSG);
        batch.complete();
        assertEquals(0, batch.answers());
        assertEquals(2, batch.stale());
    }

    @Test
    void an_answer_whose_data_is_out_of_reach_becomes_a_failure() {
        var batch = answered(2, 0, -Unix.EFAULT, 0);
        batch.complete();
        assertEquals(1, batch.answers());
        assertEquals(1, batch.refused());
        assertEquals(2, id(batch, 0));
        assertEquals(Abi.ABUSE_RESULT_MEDIA_FAILURE, batch.raw().getInt(batch.putAt(0) + Abi.Put.RESULT));
    }

    @Test
    void a_refused_answer_is_for_whoever_takes_it_over() {
        var batch = answered(1, 0, -Unix.EAGAIN, -Unix.EFAULT, -Unix.ENOMSG, -Unix.EINVAL);
        var seen = new ArrayList<String>();
        batch.onRefusal((i, errno) -> {
            seen.add(i + " " + batch.request(i).id() + " " + errno);
            return errno == Unix.EAGAIN;
        });
        batch.complete();
        assertEquals(List.of("1 2 11", "2 3 14", "4 5 22"), seen);
        assertEquals(2, batch.answers());
        assertEquals(3, id(batch, 0));
        assertEquals(5, id(batch, 1));
        assertEquals(2, batch.refused());
    }

    @Test
    void requests_outlive_the_call_that_answers_them() {
        try (var batch = new Batch(2)) {
            for (int round = 1; round <= 4; round++) {
                long id = round;
                batch.onRefusal((i, errno) -> batch.request(i).id() == id - 1);
                batch.prepare();
                batch.raw().putLong(batch.nextGetAt(0) + Abi.Get.ID, id);
                batch.raw().putInt(Abi.Xfer.NR_GETS, 1);
                batch.raw().putInt(Abi.Xfer.NR_PUTS, 0);
                batch.raw().putInt(batch.putAt(0) + Abi.Put.STATUS, -Unix.EAGAIN);
                batch.complete();
                assertEquals(id, batch.request(0).id());
                assertEquals(0, batch.refused());
                batch.answer(0, Result.OKAY, 0);
            }
        }
    }

    @Test
    void a_failure_that_is_refused_is_not_sent_for_ever() {
        var batch = answered(0, -Unix.EFAULT);
        batch.complete();
        batch.prepare();
        batch.raw().putInt(batch.putAt(0) + Abi.Put.STATUS, -Unix.EINVAL);
        batch.raw().putInt(Abi.Xfer.NR_PUTS, 0);
        batch.complete();
        assertEquals(0, batch.answers());
    }

    @Test
    void an_answer_that_comes_while_another_thread_moves_the_data_is_sent_again_as_it_was() {
        var batch = answered(0, -Unix.EBUSY);
        batch.onRefusal((i, errno) -> true);
        batch.complete();
        assertEquals(1, batch.answers());
        assertEquals(0, batch.refused());
        assertEquals(Abi.ABUSE_RESULT_OKAY, batch.raw().getInt(batch.putAt(0) + Abi.Put.RESULT));
        assertEquals(0x1000, batch.raw().getLong(batch.putAt(0) + Abi.Put.ADDRESS));
    }

    @Test
    void what_an_interrupted_call_did_not_take_is_sent_again_as_it_was() {
        var batch = answered(4, 0, -Unix.ENOMSG, UNTAKEN, UNTAKEN);
        batch.prepareAgain();
        assertEquals(2, batch.answers());
        assertEquals(3, id(batch, 0));
        assertEquals(4, id(batch, 1));
        assertEquals(0x4000, batch.raw().getLong(batch.putAt(1) + Abi.Put.ADDRESS));
        assertEquals(2, batch.raw().getInt(Abi.Xfer.NR_PUTS));
    }

    @Test
    void requests_read_unsigned() {
        try (var batch = new Batch(1)) {
            int get = batch.getAt(0);
            batch.raw().putLong(get + Abi.Get.SECTOR, 1L << 40);
            batch.raw().putInt(get + Abi.Get.LENGTH, 0xfffff000);
            batch.raw().putShort(get + Abi.Get.COMMAND, (short) Abi.ABUSE_DISCARD);
            batch.raw().putShort(get + Abi.Get.FLAGS, (short) (Abi.ABUSE_GET_REDELIVERED | 0x8000));
            assertEquals(1L << 49, batch.offset(0));
            assertEquals(0xfffff000L, batch.length(0));
            assertEquals(new Request(0, Operation.DISCARD, 1L << 40, 0xfffff000L, Set.of(RequestFlag.REDELIVERED)), batch.request(0));
            batch.raw().putShort(get + Abi.Get.COMMAND, (short) 0xffff);
            assertEquals(Operation.UNKNOWN, batch.operation(0));
        }
    }

    @Test
    void pieces_are_pages() {
        assertEquals(2, new Request(1, Operation.READ, 0, 5120, Set.of()).pieces());
        assertEquals(1024, new Request(1, Operation.READ, 0, 5120, Set.of()).pieceLength(1));
        assertEquals(4096, new Request(1, Operation.WRITE, 0, 5120, Set.of()).pieceLength(0));
        assertEquals(512, new Request(1, Operation.WRITE, 0, 512, Set.of()).pieceLength(0));
        assertEquals(1, new Request(1, Operation.DISCARD, 0, 1 << 30, Set.of()).pieces());
        assertEquals(1 << 30, new Request(1, Operation.DISCARD, 0, 1 << 30, Set.of()).pieceLength(0));
        assertEquals(0, new Request(1, Operation.FLUSH, 0, 0, Set.of()).pieces());
    }

    @Test
    void room_has_bounds() {
        assertThrows(IllegalArgumentException.class, () -> new Batch(0));
        assertThrows(IllegalArgumentException.class, () -> new Batch(Batch.MAX_ROOM + 1));
        try (var batch = new Batch(Batch.MAX_ROOM)) {
            assertTrue(2 * Batch.MAX_ROOM <= Abi.ABUSE_MAX_BATCH);
            assertEquals(0, batch.requests());
        }
    }
}
