// SPDX-License-Identifier: Apache-2.0
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.disk.CrashStates;
import abuse.disk.Disk;
import abuse.junit.TempDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** A program that stores data, and a word that says that they are there; the first test is a recipe of abuse-testing(7). */
class CrashTests {
    @Test
    void the_word_is_never_there_without_the_data(@TempDisk(recorded = true) Disk disk) throws Exception {
        try (FileChannel file = FileChannel.open(disk.path(), WRITE)) {
            file.write(block("data"), 1 << 20);
            file.force(false);
            file.write(block("valid"), 0);
            file.force(false);
        }
        disk.mark("stored");
        CrashStates.of(disk).forEach(image ->
                assertTrue(!read(image, 0).equals("valid") || read(image, 1 << 20).equals("data")));
        CrashStates.of(disk).fromMark("stored").forEach(image -> assertEquals("valid", read(image, 0)));
    }

    private static ByteBuffer block(String text) {
        return ByteBuffer.wrap(Arrays.copyOf(text.getBytes(), 4096));
    }

    private static String read(Path image, long offset) throws IOException {
        try (FileChannel file = FileChannel.open(image, READ)) {
            ByteBuffer block = ByteBuffer.allocate(4096);
            assertEquals(4096, file.read(block, offset));
            return new String(block.array()).trim();
        }
    }

    @Test
    void a_program_that_does_not_flush_the_data_first_is_found(@TempDisk(recorded = true) Disk disk) throws Exception {
        try (FileChannel file = FileChannel.open(disk.path(), WRITE)) {
            file.write(block("data"), 1 << 20);
            file.write(block("valid"), 0);
            file.force(false);
        }
        var e = assertThrows(AssertionError.class, () -> CrashStates.of(disk).forEach(image -> {
            assertTrue(!read(image, 0).equals("valid") || read(image, 1 << 20).equals("data"), "valid without data");
        }));
        assertTrue(e.getMessage().contains("valid without data"), e.getMessage());
        assertTrue(e.getMessage().contains("write of 4096 bytes at 0\n") || e.getMessage().endsWith("write of 4096 bytes at 0"), e.getMessage());
    }

    @Test
    void a_program_that_does_not_flush_the_word_is_found(@TempDisk(recorded = true) Disk disk) throws Exception {
        try (FileChannel file = FileChannel.open(disk.path(), WRITE)) {
            file.write(block("data"), 1 << 20);
            file.force(false);
            file.write(block("valid"), 0);
        }
        disk.mark("stored");
        var e = assertThrows(AssertionError.class,
                () -> CrashStates.of(disk).fromMark("stored").forEach(image -> assertEquals("valid", read(image, 0))));
        assertTrue(e.getMessage().contains("\nmark: stored\n"), e.getMessage());
    }
}
