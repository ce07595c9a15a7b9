// SPDX-License-Identifier: Apache-2.0
import abuse.backend.Backend;
import abuse.backend.FaultyBackend;
import abuse.backend.HeapBackend;
import abuse.disk.Disk;
import abuse.disk.DiskException;
import abuse.disk.DiskListener;
import com.sun.nio.file.ExtendedOpenOption;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;

/**
 * A program with disks of its own, which does what the lines of its input say: "start BYTES" one more disk; "own" reads of
 * the first one what its backend will never answer; "close" closes the last one; "wait" waits for the end of the last one.
 */
public final class DiskProgram {
    private static final List<Disk> DISKS = new ArrayList<>();
    private static final List<HeapBackend> STORES = new ArrayList<>();

    private DiskProgram() {}

    private static volatile boolean blocking;

    /** Blocks at 1 MiB for good once the program has a read of its own there. */
    private static Backend backend(HeapBackend store) {
        return new FaultyBackend(store, access -> {
            if (blocking && access.offset() == 1 << 20) {
                System.out.println("blocked");
                try {
                    Thread.sleep(Long.MAX_VALUE);
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
        });
    }

    private static final DiskListener LISTENER = new DiskListener() {
        @Override
        public void problem(String message) {
            System.out.println("problem: " + message);
        }

        @Override
        public void ended(DiskException reason) {
            System.out.println("ended: " + reason.getMessage());
        }
    };

    public static void main(String[] args) throws Exception {
        var input = new Scanner(System.in);
        while (input.hasNextLine()) {
            String[] words = input.nextLine().split(" ");
            try {
                obey(words);
            } catch (DiskException e) {
                System.out.println("failed: " + e.getMessage());
            }
        }
    }

    private static void obey(String[] words) throws Exception {
        switch (words[0]) {
            case "start" -> {
                var store = new HeapBackend(Long.parseLong(words[1]));
                Disk disk = Disk.builder().backend(backend(store)).queues(Runtime.getRuntime().availableProcessors())
                        .requestTimeout(Duration.ofSeconds(20)).listener(LISTENER).start();
                STORES.add(store);
                DISKS.add(disk);
                System.out.println("started " + disk.path() + " " + disk.size());
            }
            case "own" -> {
                blocking = true;
                var reader = new Thread(() -> {
                    try (FileChannel channel = FileChannel.open(DISKS.get(0).path(), StandardOpenOption.READ,
                            ExtendedOpenOption.DIRECT)) {
                        ByteBuffer buffer = ByteBuffer.allocateDirect(8192).alignedSlice(4096).limit(4096);
                        System.out.println("read " + channel.read(buffer, 1 << 20));
                    } catch (IOException e) {
                        System.out.println("read: " + e.getMessage());
                    }
                });
                reader.start();
            }
            case "byte" -> System.out.println("byte " + STORES.get(Integer.parseInt(words[1])).bytes(0, 1)[0]);
            case "close" -> {
                DISKS.remove(DISKS.size() - 1).close();
                System.out.println("closed");
            }
            case "wait" -> DISKS.get(DISKS.size() - 1).awaitEnd();
            default -> throw new IllegalArgumentException(words[0]);
        }
    }
}
