// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ServingTest {
    private static ByteBuffer encode(Serving serving) {
        var raw = ByteBuffer.allocate(Abi.Serve.SIZE_OF).order(ByteOrder.nativeOrder());
        serving.encode(raw);
        return raw;
    }

    private static byte[] identity(String identity) {
        byte[] bytes = new byte[Abi.ABUSE_IDENTITY_SIZE];
        encode(new Serving(0, identity, "")).get(Abi.Serve.IDENTITY, bytes);
        return bytes;
    }

    @Test
    void it_is_encoded_in_full() {
        var raw = encode(new Serving(3, "file 1 2", "file:disk.img"));
        assertEquals(176, raw.getInt(Abi.Serve.SIZE));
        assertEquals(0, raw.getInt(Abi.Serve.FLAGS));
        assertEquals(3, raw.getInt(Abi.Serve.QUEUE));
        assertEquals("file:disk.img", Serving.text(raw));
        assertEquals(-1, encode(new Serving(Device.ANY_QUEUE, null, "")).getInt(Abi.Serve.QUEUE));
    }

    @Test
    void equal_identities_are_equal_and_others_are_not() {
        assertArrayEquals(identity("file 1 2"), identity("file 1 2"));
        assertFalse(Arrays.equals(identity("file 1 2"), identity("file 1 3")));
        assertFalse(Arrays.equals(identity("x".repeat(100)), identity("x".repeat(101))));
        assertArrayEquals(new byte[32], identity(null));
    }

    @Test
    void an_identity_that_fits_is_not_digested_and_none_is_all_zeros() {
        assertArrayEquals("0123456789abcdef0123456789abcdef".getBytes(StandardCharsets.UTF_8), identity("0123456789abcdef0123456789abcdef"));
        assertArrayEquals(Arrays.copyOf("file 1 2".getBytes(StandardCharsets.UTF_8), 32), identity("file 1 2"));
        assertFalse(Arrays.equals(new byte[32], identity("")));
    }

    @Test
    void a_text_that_is_too_long_is_cut_between_characters() {
        assertEquals("x".repeat(127), Serving.text(encode(new Serving(0, null, "x".repeat(127)))));
        assertEquals("x".repeat(127), Serving.text(encode(new Serving(0, null, "x".repeat(500)))));
        assertEquals("x".repeat(126), Serving.text(encode(new Serving(0, null, "x".repeat(126) + "ü"))));
        assertEquals("x".repeat(125) + "ü", Serving.text(encode(new Serving(0, null, "x".repeat(125) + "üü"))));
        assertEquals("€".repeat(42), Serving.text(encode(new Serving(0, null, "€".repeat(50)))));
    }

    @Test
    void what_others_wrote_does_nothing_to_a_terminal() {
        var raw = ByteBuffer.allocate(Abi.Serve.SIZE_OF).order(ByteOrder.nativeOrder());
        raw.put(Abi.Serve.TEXT, "a\u001b[2J\nb\u0000c".getBytes(StandardCharsets.UTF_8));
        assertEquals("a?[2J?b", Serving.text(raw));
        byte[] bytes = new byte[Abi.ABUSE_TEXT_SIZE];
        Arrays.fill(bytes, (byte) 0xff);
        raw.put(Abi.Serve.TEXT, bytes);
        assertEquals("\ufffd".repeat(128), Serving.text(raw));
    }
}
