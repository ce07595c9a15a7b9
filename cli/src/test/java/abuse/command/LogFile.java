// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** A log of dm-log-writes that is made byte for byte as the kernel's source describes it. */
final class LogFile {
    static final int SECTOR = 512;
    static final int FLUSH = 1;
    static final int FUA = 2;
    static final int DISCARD = 4;
    static final int MARK = 8;

    private final ByteBuffer bytes = ByteBuffer.allocate(1 << 18).order(ByteOrder.LITTLE_ENDIAN);

    private int last;

    LogFile() {
        bytes.putLong(0, 0x6a736677736872L).putLong(8, 1).putInt(24, SECTOR).position(SECTOR);
    }

    /** Adds an entry whose data is a letter, again and again. */
    LogFile add(long sector, long sectors, int flags, String text, int letter) {
        int at = bytes.position();
        last = at;
        bytes.putLong(at, sector).putLong(at + 8, sectors).putLong(at + 16, flags).putLong(at + 24, text.length());
        bytes.put(at + 32, text.getBytes(UTF_8)).position(at + SECTOR);
        for (int i = 0; letter != 0 && i < sectors * SECTOR; i++) {
            bytes.put((byte) letter);
        }
        bytes.putLong(16, bytes.getLong(16) + 1);
        return this;
    }

    /** Says when the last entry began and ended, as the 'record' filter does. */
    LogFile times(long begin, long end) {
        bytes.putLong(last + SECTOR - 24, 0x73656d6974756261L).putLong(last + SECTOR - 16, begin).putLong(last + SECTOR - 8, end);
        return this;
    }

    LogFile write(long sector, int letter) {
        return add(sector, 1, 0, "", letter);
    }

    LogFile flush() {
        return add(0, 0, FLUSH, "", 0);
    }

    LogFile mark(String text) {
        return add(0, 0, MARK, text, 0);
    }

    void store(Path file) throws IOException {
        Files.write(file, Arrays.copyOf(bytes.array(), bytes.position()));
    }
}
