// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What the end of the server or of the power leaves at any moment: at worst lost clusters, and in each sector what was
 * written there, or what was there before if that was not made durable.
 */
class Qcow2CrashTest extends Qcow2TestBase {
    private static final int DISK = 1 << 20;
    private static final int SECTORS = DISK / 512;

    /** What a sector is filled with. */
    private final byte[] answered = new byte[SECTORS];
    /** What it may be filled with after a power cut. */
    private final BitSet[] possible = new BitSet[SECTORS];
    /** What may be there besides when the server is killed now, from a request that is not answered. */
    private int begunStart;
    private int begunEnd;
    private byte[] begun;

    private RecordedFile file;
    private final Random chance = new Random(11);
    private int crashes;
    private int leaks;
    private int untilCrash = 1;
    private int seldom;

    static Stream<Creation> images() {
        return Stream.of(
                new Creation(65536, "1.1", 16, "", false, null),
                new Creation(512, "1.1", 64, "", false, null),
                new Creation(512, "0.10", 16, "r", false, null),
                new Creation(4096, "1.1", 1, "r", false, null),
                new Creation(4096, "0.10", 16, "", true, null),
                new Creation(4096, "1.1", 16, "r", true, "zlib"),
                new Creation(65536, "1.1", 16, "rq", true, "zlib"));
    }

    private byte[] sectors() {
        byte[] bytes = new byte[DISK];
        for (int i = 0; i < SECTORS; i++) {
            Arrays.fill(bytes, i * 512, (i + 1) * 512, (byte) (i / 5 % 3 == 0 ? 0 : 1 + random.nextInt(255)));
        }
        return bytes;
    }

    private Path prepare(Creation creation) throws Exception {
        String options = options(creation);
        String backing = "";
        if (!creation.backing().isEmpty()) {
            Files.write(folder.resolve("base"), sectors());
            backing = " -b base -F raw";
        }
        if (creation.backing().equals("rq")) {
            run(("qemu-img create -q -f qcow2 -o " + options + backing + " middle " + DISK).split(" "));
            run("qemu-io", "-f", "qcow2", "-c", "write -P 77 64k 100k", "middle");
            backing = " -b middle -F qcow2";
        }
        if (creation.compressed() != null) {
            byte[] some = sectors();
            Files.write(folder.resolve("some"), some);
            run(("qemu-img convert -q -c -f raw -O qcow2 -o " + options + backing.replace("-b", "-B") + " some image").split(" "));
        } else {
            run(("qemu-img create -q -f qcow2 -o " + options + backing + " image " + DISK).split(" "));
            run("qemu-io", "-f", "qcow2", "-c", "write -P 99 300k 60k", "-c", "write -z 310k 20k", "image");
        }
        if (creation.snapshot()) {
            // Leaves free clusters in the file, which are full of something
            run("qemu-img", "snapshot", "-c", "gone", "image");
            run("qemu-io", "-f", "qcow2", "-c", "write -P 55 500k 200k", "image");
            run("qemu-img", "snapshot", "-c", "gone too", "image");
            run("qemu-io", "-f", "qcow2", "-c", "write -P 56 500k 200k", "image");
            run("qemu-img", "snapshot", "-d", "gone", "image");
            run("qemu-img", "snapshot", "-d", "gone too", "image");
            run("qemu-img", "snapshot", "-c", "first", "image");
        }
        return folder.resolve("image");
    }

    @ParameterizedTest
    @MethodSource("images")
    void nothing_durable_is_lost_and_at_worst_clusters_are(Creation creation) throws Exception {
        Path image = prepare(creation);
        byte[] content = content(image);
        for (int i = 0; i < SECTORS; i++) {
            answered[i] = content[i * 512];
            possible[i] = only(answered[i]);
        }
        // Small clusters need many more calls
        seldom = creation.cluster() == 65536 ? 12 : creation.cluster() == 4096 ? 20 : 80;
        Qcow2Layer layer = new Chain((path, writable) -> writable ? file = new RecordedFile(path, this::changed) : new ImageFile(path, false))
                .open(image.toString(), true);
        try (var backend = new WritableBackend(layer, new Changes(layer, 1), MAX_REQUEST)) {
            for (int i = 0; i < 300; i++) {
                change(backend);
            }
        }
        run("qemu-img", "check", "-q", "image");
        assertTrue(crashes > 20, crashes + " crashes");
        assertTrue(leaks > 0, "no cluster was ever lost");
    }

    @Test
    void a_count_is_lowered_only_when_it_is_durable_that_nothing_points_there() throws Exception {
        run(("qemu-img create -q -f qcow2 -o cluster_size=16384 image " + DISK).split(" "));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 " + DISK, "image");
        run("qemu-img", "snapshot", "-c", "first", "image");
        for (int i = 0; i < SECTORS; i++) {
            possible[i] = only((byte) 7);
            possible[i].set(0);
        }
        untilCrash = Integer.MAX_VALUE;
        Qcow2Layer layer = new Chain((path, writable) -> file = new RecordedFile(path, this::changed))
                .open(folder.resolve("image").toString(), true);
        try (var backend = new WritableBackend(layer, new Changes(layer, 1), MAX_REQUEST)) {
            backend.writeZeroes(0, DISK);
            seldom = 1;
            untilCrash = 1;
            backend.flush();
            untilCrash = Integer.MAX_VALUE;
        }
        assertTrue(crashes > DISK / 16384, crashes + " crashes");
        run("qemu-img", "check", "-q", "image");
    }

    @Test
    void what_was_given_up_before_is_durable_before_it_is_used() throws Exception {
        Path image = prepare(new Creation(4096, "1.1", 16, "", true, null));
        var synced = new AtomicBoolean();
        Qcow2Layer layer = new Chain((path, writable) -> new ImageFile(path, writable) {
            @Override
            boolean punch(long position, long length) throws IOException {
                assertTrue(synced.get());
                return super.punch(position, length);
            }

            @Override
            void sync() throws IOException {
                super.sync();
                synced.set(true);
            }
        }).open(image.toString(), true);
        try (var backend = new WritableBackend(layer, new Changes(layer, 1), MAX_REQUEST)) {
            backend.write(0, direct(new byte[4096]));
        }
        assertTrue(synced.get());
    }

    @Test
    void blocks_of_counts_whose_entries_lie_in_two_pages_are_counted_before_they_are_there() throws Exception {
        run(("qemu-img create -q -f qcow2 -o cluster_size=512,refcount_bits=64 image " + DISK).split(" "));
        Path image = folder.resolve("image");
        try (var sparse = new RandomAccessFile(image.toFile(), "rw")) {
            // Each block is for 64 clusters, and a page has 512 entries
            sparse.setLength(510 * 64 * 512);
        }
        Arrays.setAll(possible, i -> only((byte) 0));
        untilCrash = Integer.MAX_VALUE;
        try (Qcow2Layer layer = new Chain((path, writable) -> file = new RecordedFile(path, this::changed)).open(image.toString(), true)) {
            var allocator = new Allocator(layer.file, layer.header, layer.map, 1);
            while (allocator.take(8).start() < 510 * 64) {
                // Until there is a longer table at the end, which has room for what follows
            }
            allocator.take(511 * 64 - layer.file.size() / 512);
            seldom = 1;
            untilCrash = 1;
            allocator.take(DISK / 512);
            untilCrash = Integer.MAX_VALUE;
            allocator.giveBackAll();
            allocator.close();
        }
        assertTrue(crashes > 60, crashes + " crashes");
        assertTrue(leaks > 0, "no cluster was ever lost");
    }

    private static BitSet only(byte value) {
        var set = new BitSet(256);
        set.set(value & 0xff);
        return set;
    }

    private void change(WritableBackend backend) throws IOException {
        int length = 1 + chance.nextInt(chance.nextInt(5) == 0 ? 300 : 20);
        int start = chance.nextInt(SECTORS - length);
        int kind = chance.nextInt(10);
        if (kind == 0) {
            backend.flush();
            for (int i = 0; i < SECTORS; i++) {
                possible[i] = only(answered[i]);
            }
            return;
        }
        byte[] values = new byte[length];
        if (kind > 2) {
            chance.nextBytes(values);
        }
        for (int i = 0; i < length; i++) {
            possible[start + i].set(values[i] & 0xff);
        }
        begunStart = start;
        begunEnd = start + length;
        begun = values;
        if (kind == 1) {
            backend.writeZeroes(start * 512L, length * 512L);
        } else if (kind == 2) {
            backend.discard(start * 512L, length * 512L);
            // It may have done nothing
            ByteBuffer now = ByteBuffer.allocateDirect(length * 512);
            backend.read(start * 512L, now);
            for (int i = 0; i < length; i++) {
                values[i] = now.get(i * 512);
            }
        } else {
            ByteBuffer bytes = ByteBuffer.allocateDirect(length * 512);
            for (int i = 0; i < bytes.capacity(); i++) {
                bytes.put(i, values[i / 512]);
            }
            backend.write(start * 512L, bytes);
        }
        System.arraycopy(values, 0, answered, start, length);
        begunEnd = 0;
    }

    private void changed() {
        if (--untilCrash == 0) {
            untilCrash = 1 + chance.nextInt(seldom);
            try {
                crash();
            } catch (Exception e) {
                fail(e);
            }
        }
    }

    private void crash() throws Exception {
        crashes++;
        boolean power = chance.nextInt(4) != 0;
        Path left = folder.resolve("left");
        Files.write(left, power ? file.afterPowerCut(chance) : file.afterKill());
        Process check = new ProcessBuilder("qemu-img", "check", "-f", "qcow2", left.toString()).redirectErrorStream(true).start();
        String said = new String(check.getInputStream().readAllBytes());
        int status = check.waitFor();
        assertTrue(status == 0 || status == 3, () -> "after " + (power ? "a power cut: " : "a kill: ") + said);
        leaks += status == 3 ? 1 : 0;
        ByteBuffer disk = ByteBuffer.allocateDirect(DISK);
        try (var backend = open(left, true)) {
            backend.read(0, disk);
        }
        for (int i = 0; i < SECTORS; i++) {
            byte value = disk.get(i * 512);
            for (int at = 0; at < 512; at++) {
                assertTrue(disk.get(i * 512 + at) == value, "half of sector " + i);
            }
            boolean isNew = i >= begunStart && i < begunEnd && value == begun[i - begunStart];
            assertTrue(power ? possible[i].get(value & 0xff) : value == answered[i] || isNew,
                    "sector " + i + " is " + (value & 0xff) + " after " + (power ? "a power cut, of " + possible[i] : "a kill, not " + (answered[i] & 0xff)));
        }
        Files.delete(left);
    }
}
