// SPDX-License-Identifier: Apache-2.0
package consumer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.disk.Disk;
import abuse.disk.DiskException;
import abuse.disk.SimulatedDisk;
import abuse.junit.TempDisk;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class UpperTest {
    @Test
    void it_writes_in_capitals() throws Exception {
        try (var disk = SimulatedDisk.start(Disk.builder().size(1 << 20).backend(new Upper()))) {
            byte[] block = new byte[4096];
            Arrays.fill(block, (byte) 'a');
            disk.write(4096, block);
            Arrays.fill(block, (byte) 'A');
            assertEquals(new String(block), new String(disk.read(4096, 4096)));
        }
    }

    @Test
    void so_does_a_real_disk(@TempDisk(size = 1 << 20, backend = Upper.class) Path disk) throws Exception {
        try (var channel = FileChannel.open(disk, StandardOpenOption.WRITE, StandardOpenOption.DSYNC)) {
            channel.write(ByteBuffer.wrap("a".repeat(4096).getBytes()));
        }
    }

    @Test
    void the_library_says_whether_there_are_disks() {
        try {
            Disk.checkAvailable();
            System.out.println("disks are available");
        } catch (DiskException e) {
            System.out.println(e.getMessage());
        }
    }
}
