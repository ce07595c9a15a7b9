// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.command.Commands.Running;
import abuse.device.Config;
import abuse.device.Hints;
import abuse.device.Status;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Disks of images that were made for blocks of 512 bytes. */
@Timeout(600)
class ImageBlocksTest {
    private static final int SIZE = 8 << 20;

    @TempDir
    private Path directory;

    private final Commands commands = new Commands();

    private String image(int size, byte[] start) throws IOException {
        Path path = directory.resolve("image");
        try (var file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(size);
            file.write(start);
        }
        return "file:" + path;
    }

    /** Makes an image with one partition that fills a disk with sectors of 512 bytes. */
    private String partitioned() throws IOException {
        var sector = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN).putShort(510, (short) 0xaa55);
        sector.put(446 + 4, (byte) 0x83).putInt(446 + 8, 2048).putInt(446 + 12, SIZE / 512 - 2048);
        return image(SIZE, sector.array());
    }

    private Status status() throws IOException {
        try (var device = commands.devices.open("/dev/abctl0")) {
            return device.status();
        }
    }

    private void set(int blockSize) throws IOException {
        try (var device = commands.devices.open("/dev/abctl0")) {
            device.setup(new Config(SIZE, blockSize, 0, 128, 1, 0, 0, 0, 0, Hints.NONE, Set.of(), false));
        }
    }

    private static String end(Running running) {
        running.signal();
        var outcome = running.end();
        assertEquals(0, outcome.exitCode(), outcome.err());
        return outcome.err();
    }

    private String warning(String backend) {
        return "abusectl: " + backend + ": its MBR is for blocks of 512 bytes, and may not work with those of /dev/abctl0, which"
                + " have 4096; set up with bs=512\n";
    }

    @Test
    void run_takes_size_and_blocks_from_the_image() throws Exception {
        commands.devices.add(0);
        var run = commands.start("run", partitioned()).awaitReady();
        assertEquals(SIZE, status().capacity());
        assertEquals(512, status().blockSize());
        assertEquals(4096, status().physicalBlockSize());
        assertEquals("", end(run));
        run = commands.start("run", "pbs=512", partitioned()).awaitReady();
        assertEquals(512, status().physicalBlockSize());
        assertEquals("", end(run));
    }

    @Test
    void run_takes_the_usual_blocks_if_the_image_allows_them() throws Exception {
        commands.devices.add(0);
        for (int odd : new int[] {0, 1024}) {
            var run = commands.start("run", image(SIZE + odd, new byte[0])).awaitReady();
            assertEquals(SIZE + odd, status().capacity());
            assertEquals(odd == 0 ? 4096 : odd, status().blockSize());
            assertEquals("", end(run));
        }
    }

    @Test
    void run_does_as_it_is_told_and_warns() throws Exception {
        commands.devices.add(0);
        String image = partitioned();
        var run = commands.start("run", "bs=4096", image).awaitReady();
        assertEquals(4096, status().blockSize());
        assertEquals(warning(image), end(run));
    }

    @Test
    void server_warns_of_an_image_that_does_not_go_with_the_disk() throws Exception {
        commands.devices.add(0);
        String image = partitioned();
        set(4096);
        assertEquals(warning(image), end(commands.start("server", image).awaitReady()));
        try (var device = commands.devices.open("/dev/abctl0")) {
            device.reset();
        }
        set(512);
        assertEquals("", end(commands.start("server", image).awaitReady()));
    }
}
