// SPDX-License-Identifier: Apache-2.0
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.FaultyBackend;
import abuse.backend.HeapBackend;
import abuse.disk.Disk;
import abuse.disk.DiskBuilder;
import abuse.junit.TempDisk;
import abuse.junit.TempDiskExtension;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

/** Tests with JUnit on real disks, as a user would write them. The main program runs the class that it is told. */
class DiskTests {
    @TempDisk(size = 1 << 20)
    static Path ofClass;

    @TempDisk(size = 2 << 20, queues = 1)
    Disk ofTest;

    @RegisterExtension
    final TempDiskExtension faulty = new TempDiskExtension(Disk.builder().listener(message -> {}).backend(
            new FaultyBackend(new HeapBackend(4 << 20), access -> {
                if (access.kind() == Kind.WRITE && access.number() == 3) {
                    throw new IOException("the third write");
                }
            })));

    private static void write(Path disk, int offset) throws IOException {
        try (FileChannel channel = FileChannel.open(disk, StandardOpenOption.WRITE, StandardOpenOption.DSYNC)) {
            channel.write(ByteBuffer.allocate(4096), offset);
        }
    }

    @Test
    void each_has_a_disk_of_its_own(@TempDisk(size = 64 << 20) Path disk, @TempDisk(blockSize = 512) Path other) throws Exception {
        assertNotEquals(disk, other);
        assertTrue(Files.exists(ofClass));
        assertEquals("131072", Files.readString(Path.of("/sys/block", disk.getFileName().toString(), "size")).strip());
        assertEquals("512", Files.readString(Path.of("/sys/block", other.getFileName().toString(), "queue/logical_block_size"))
                .strip());
        assertEquals(2 << 20, ofTest.size());
        write(disk, 0);
        write(ofTest.path(), 0);
        Process mkfs = new ProcessBuilder("mkfs.ext4", "-q", disk.toString()).inheritIO().start();
        assertEquals(0, mkfs.waitFor());
    }

    @Test
    void the_third_write_fails() throws Exception {
        write(faulty.path(), 0);
        write(faulty.path(), 4096);
        var e = assertThrows(IOException.class, () -> write(faulty.path(), 8192));
        assertEquals("Input/output error", e.getMessage());
        write(faulty.path(), 8192);
    }

    @Test
    void that_of_the_class_is_still_there() throws Exception {
        write(ofClass, 0);
    }

    @Test
    void partitions_are_there_from_the_start() throws Exception {
        var store = new HeapBackend(4 << 20);
        DiskBuilder builder = Disk.builder().backend(store).blockSize(512).partitions();
        try (Disk disk = builder.start()) {
            var sfdisk = new ProcessBuilder("sfdisk", "--quiet", "--no-reread", disk.path().toString())
                    .redirectErrorStream(true).start();
            sfdisk.getOutputStream().write("64,4096,L\n".getBytes());
            sfdisk.getOutputStream().close();
            assertEquals("", new String(sfdisk.getInputStream().readAllBytes()));
        }
        for (int i = 0; i < 10; i++) {
            try (Disk disk = builder.start()) {
                assertTrue(Files.exists(Path.of(disk.path() + "p1")), "no partition in round " + i);
            }
        }
    }

    public static void main(String[] args) throws ClassNotFoundException {
        var listener = new SummaryGeneratingListener();
        LauncherFactory.create().execute(LauncherDiscoveryRequestBuilder.request()
                .selectors(DiscoverySelectors.selectClass(Class.forName(args[0]))).build(), listener);
        listener.getSummary().printFailuresTo(new java.io.PrintWriter(System.out, true));
        System.out.println(listener.getSummary().getTestsSucceededCount() + " passed, "
                + listener.getSummary().getTotalFailureCount() + " failed");
    }
}
