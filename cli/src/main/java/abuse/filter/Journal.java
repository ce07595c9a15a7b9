// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static java.nio.charset.StandardCharsets.US_ASCII;

import abuse.backend.AsyncRequest.Kind;
import abuse.libc.ImageLock;
import abuse.libc.Unix;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Where a filter writes lines: a file that it appends to, or standard error. A line is put together in memory that is
 * used again, by one thread at a time, which holds the lock of this object.
 */
final class Journal implements AutoCloseable {
    private static final Kind[] KINDS = Kind.values();
    private static final byte[][] WORDS = new byte[KINDS.length][];

    static {
        for (Kind kind : KINDS) {
            WORDS[kind.ordinal()] = word(kind).getBytes(US_ASCII);
        }
    }

    private static final int FILE_TYPE = 0xf000;
    private static final int PIPE = 0x1000;

    /** The key that names the file. */
    static final Key FILE = new Key("file", Key.Kind.FILE, "standard error", "the file whose end it writes to");

    /** Null for standard error. */
    private final Path file;
    private final OutputStream own;
    private OutputStream out;
    /** What tells others that this writes the file; -1 if there is nothing. */
    private int lock = -1;
    private Consumer<String> administrator = problem -> {};
    private byte[] line = new byte[256];
    private int length;
    private boolean failed;

    Journal(Settings settings) throws IOException {
        file = settings.has("file") ? Path.of(settings.word("file", null)) : null;
        own = file != null ? append(file) : null;
        out = own;
    }

    private static OutputStream append(Path file) throws IOException {
        if (Files.exists(file) && ((int) Files.getAttribute(file, "unix:mode") & FILE_TYPE) == PIPE) {
            throw new IOException(file + ": is a pipe, for whose reader the disk would wait; name a file");
        }
        return Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    /** Is called when the images of the disk are open. */
    void open(Surroundings surroundings) throws IOException {
        administrator = surroundings.administrator();
        if (file != null) {
            lock = ImageLock.lockText(file.toString());
        } else {
            out = surroundings.log();
        }
    }

    /** What a request asks for, in a word. */
    static String word(Kind kind) {
        return kind.name().toLowerCase(Locale.ROOT);
    }

    Journal put(Kind kind) {
        return put(WORDS[kind.ordinal()]);
    }

    /** Text of ASCII characters. */
    Journal put(byte[] text) {
        reserve(text.length);
        System.arraycopy(text, 0, line, length, text.length);
        length += text.length;
        return this;
    }

    /** The same; it allocates nothing either. */
    Journal put(String text) {
        reserve(text.length());
        for (int i = 0; i < text.length(); i++) {
            line[length++] = (byte) text.charAt(i);
        }
        return this;
    }

    /** A number from 0. */
    Journal put(long number) {
        reserve(20);
        int digits = 1;
        for (long rest = number; rest > 9; rest /= 10) {
            digits++;
        }
        for (int i = digits - 1; i >= 0; i--) {
            line[length + i] = (byte) ('0' + number % 10);
            number /= 10;
        }
        length += digits;
        return this;
    }

    /** A number of thousandths, with three digits behind the point. */
    Journal putThousandths(long number) {
        put(number / 1000).put(".");
        long rest = number % 1000;
        return put(rest < 10 ? "00" : rest < 100 ? "0" : "").put(rest);
    }

    /** Writes the line. The first failure is told, and nothing else comes of it. */
    void end() {
        put("\n");
        try {
            out.write(line, 0, length);
            out.flush();
        } catch (IOException e) {
            if (!failed) {
                failed = true;
                administrator.accept("the log of a filter: " + FilteredBackend.words(e));
            }
        }
        length = 0;
    }

    @Override
    public void close() throws IOException {
        if (lock >= 0) {
            Unix.close(lock);
            lock = -1;
        }
        if (own != null) {
            own.close();
        }
    }

    private void reserve(int more) {
        if (length + more > line.length) {
            line = Arrays.copyOf(line, 2 * (length + more));
        }
    }
}
