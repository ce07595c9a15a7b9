// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Terminal;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * What an open control node says it serves.
 *
 * @param queue the hardware queue, or {@link Device#ANY_QUEUE}
 * @param identity equal for all servers that hold the same bytes at every moment; null if unknown
 * @param text what is served, for people to read
 */
public record Serving(int queue, String identity, String text) {
    void encode(ByteBuffer to) {
        to.putInt(Abi.Serve.SIZE, Abi.Serve.SIZE_OF);
        to.putInt(Abi.Serve.QUEUE, queue);
        if (identity != null) {
            byte[] bytes = identity.getBytes(UTF_8);
            to.put(Abi.Serve.IDENTITY, bytes.length > 0 && bytes.length <= Abi.ABUSE_IDENTITY_SIZE ? bytes : digest(bytes));
        }
        byte[] shown = text.getBytes(UTF_8);
        int length = Math.min(shown.length, Abi.ABUSE_TEXT_SIZE - 1);
        // Never cut a character in two
        while (length < shown.length && (shown[length] & 0xc0) == 0x80) {
            length--;
        }
        to.put(Abi.Serve.TEXT, shown, 0, length);
    }

    /** The text that another server gave, without characters that control a terminal. */
    static String text(ByteBuffer from) {
        return text(from, Abi.Serve.TEXT, Abi.ABUSE_TEXT_SIZE);
    }

    /** The same from somewhere else, up to its NUL. */
    static String text(ByteBuffer from, int at, int size) {
        byte[] bytes = new byte[size];
        from.get(at, bytes);
        int length = 0;
        while (length < bytes.length && bytes[length] != 0) {
            length++;
        }
        return Terminal.printable(new String(bytes, 0, length, UTF_8));
    }

    /** Only for what is too long, as Java has to find its digests first, which takes a tenth of a server's start. */
    private static byte[] digest(byte[] identity) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(identity);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
