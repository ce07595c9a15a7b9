// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import abuse.device.DeviceException.Call;
import abuse.device.DeviceException.Reason;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** The real calls, as far as they work without the module. */
class ControlNodeTest {
    @Test
    void a_missing_node_is_named_with_its_cause() {
        var e = assertThrows(DeviceException.class, () -> ControlNode.ALL.open("/dev/abctl999999"));
        assertEquals("/dev/abctl999999", e.device());
        assertEquals(Call.OPEN, e.call());
        assertEquals(Reason.MISSING, e.reason());
        assertEquals("No such file or directory", e.getMessage());
    }

    @Test
    void another_character_device_is_not_taken_for_one() throws DeviceException {
        try (Device device = ControlNode.ALL.open("/dev/null")) {
            for (var call : new ThrowingCall[] {device::status, device::reset, device::remove, device::removeLazily, device::resume,
                () -> device.serve(new Serving(0, null, "")), () -> device.transfer(new Batch(1))}) {
                var e = assertThrows(DeviceException.class, call::run);
                assertEquals(Reason.NOT_ABUSE, e.reason());
            }
        }
    }

    private interface ThrowingCall {
        void run() throws DeviceException;
    }

    @Test
    void a_setup_is_encoded_in_full() {
        var raw = ByteBuffer.allocate(Abi.Config.SIZE_OF).order(ByteOrder.nativeOrder());
        new Config(1L << 40, 512, 4096, 7, 2, 65536, 30, 31, 32, new Hints(33, 34, 35, 36, Hints.MAX_RANGE),
                Set.of(Flag.READ_ONLY, Flag.DISCARD), true).encode(raw);
        assertEquals(72, raw.getInt(Abi.Config.SIZE));
        assertEquals(1 | 2 | 8, raw.getInt(Abi.Config.FLAGS));
        assertEquals(1L << 40, raw.getLong(Abi.Config.CAPACITY));
        assertEquals(512, raw.getInt(Abi.Config.BLOCK_SIZE));
        assertEquals(4096, raw.getInt(Abi.Config.PHYSICAL_BLOCK_SIZE));
        assertEquals(7, raw.getInt(Abi.Config.QUEUE_DEPTH));
        assertEquals(2, raw.getInt(Abi.Config.QUEUES));
        assertEquals(65536, raw.getInt(Abi.Config.MAX_REQUEST));
        assertEquals(30, raw.getInt(Abi.Config.TIMEOUT_MS));
        assertEquals(31, raw.getInt(Abi.Config.ORPHAN_MS));
        assertEquals(32, raw.getInt(Abi.Config.UNSERVED_MS));
        assertEquals(33, raw.getInt(Abi.Config.IO_MIN));
        assertEquals(34, raw.getInt(Abi.Config.IO_OPT));
        assertEquals(35, raw.getInt(Abi.Config.DISCARD_GRANULARITY));
        assertEquals(36, raw.getInt(Abi.Config.MAX_DISCARD));
        assertEquals(0xfff00000, raw.getInt(Abi.Config.MAX_WRITE_ZEROES));
    }

    @Test
    void a_status_is_decoded_in_full() {
        var raw = ByteBuffer.allocate(Abi.Status.SIZE_OF).order(ByteOrder.nativeOrder());
        for (int i = 0; i < Abi.Status.SIZE_OF; i += 4) {
            raw.putInt(i, i);
        }
        raw.putInt(Abi.Status.FLAGS, 4 | 16 | 1024);
        raw.putInt(Abi.Status.STATE, Abi.ABUSE_STATE_FAILED);
        raw.putInt(Abi.Status.CONDITIONS, Abi.ABUSE_CONDITION_LEAVING | 64);
        long high = 1L << 32;
        assertEquals(new Status(16 + 20 * high, 24, State.FAILED, 32, 36, 40, 44, 48, 52, 936, 940, new Hints(944, 948, 952, 956, 960),
                Set.of(Flag.WRITE_CACHE, Flag.WRITE_ZEROES), 56, 60, 64, 68, 72 + 76 * high, 80 + 84 * high, 88 + 92 * high,
                96 + 100 * high, 104 + 108 * high, 112 + 116 * high,
                new Mapped(968 + 972 * high, 976 + 980 * high, 984 + 988 * high, 992 + 996 * high, 1000 + 1004 * high,
                        1008 + 1012 * high, 1016 + 1020 * high), Set.of(Condition.LEAVING),
                new Limits(120 + 124 * high, 128, 132, 136, 140, 144, 148, 152, 156, 160),
                new Latency(LongStream.range(0, 96).mapToObj(i -> 168 + 8 * i + (172 + 8 * i) * high).toList())),
                Status.decode(raw));
    }
}
