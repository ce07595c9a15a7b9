// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * An image whose changes are noted, so that it can be had as it is left by the end of the server, or of the power: then
 * each page of the file is as it was at any moment since it was made durable last. One thread at a time.
 */
final class RecordedFile extends ImageFile {
    private static final int PAGE = 4096;

    private final Runnable afterEach;
    /** What the file would be without all that is not durable. */
    private byte[] durable;
    /** What each page was after each change since then, and the sizes of the file. */
    private final Map<Integer, List<byte[]>> pages = new HashMap<>();
    private final List<Integer> sizes = new ArrayList<>();
    private byte[] now;

    /** Calls somebody after each change. */
    RecordedFile(String path, Runnable afterEach) throws IOException {
        super(path, true);
        this.afterEach = afterEach;
        now = Files.readAllBytes(Path.of(path));
        durable = now;
    }

    /** As it is when the server is killed. */
    byte[] afterKill() {
        return now.clone();
    }

    /** As it may be when the power is cut. */
    byte[] afterPowerCut(Random chance) {
        List<Integer> all = new ArrayList<>(sizes);
        all.add(0, durable.length);
        byte[] file = Arrays.copyOf(durable, all.get(chance.nextInt(all.size())));
        // At times nearly all was written back, at times nearly nothing
        int percent = chance.nextInt(101);
        pages.forEach((page, versions) -> {
            if (chance.nextInt(100) < percent) {
                byte[] version = versions.get(chance.nextBoolean() ? versions.size() - 1 : chance.nextInt(versions.size()));
                int n = Math.min(version.length, file.length - page * PAGE);
                if (n > 0) {
                    System.arraycopy(version, 0, file, page * PAGE, n);
                }
            }
        });
        return file;
    }

    @Override
    void write(long position, ByteBuffer from, int length) throws IOException {
        byte[] bytes = new byte[length];
        from.get(from.position(), bytes);
        super.write(position, from, length);
        note((int) position, bytes);
    }

    @Override
    boolean punch(long position, long length) throws IOException {
        boolean done = super.punch(position, length);
        note((int) position, new byte[(int) Math.min(length, now.length - position)]);
        return done;
    }

    @Override
    void resize(long length) throws IOException {
        super.resize(length);
        now = Arrays.copyOf(now, (int) length);
        sizes.add((int) length);
        afterEach.run();
    }

    @Override
    void sync() throws IOException {
        super.sync();
        durable = now.clone();
        pages.clear();
        sizes.clear();
        afterEach.run();
    }

    private void note(int position, byte[] bytes) {
        System.arraycopy(bytes, 0, now, position, bytes.length);
        for (int page = position / PAGE; page * PAGE < position + bytes.length; page++) {
            pages.computeIfAbsent(page, any -> new ArrayList<>()).add(Arrays.copyOfRange(now, page * PAGE, Math.min(now.length, (page + 1) * PAGE)));
        }
        afterEach.run();
    }
}
