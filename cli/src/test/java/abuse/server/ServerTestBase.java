// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AddressedBackend;
import abuse.backend.Backend;
import abuse.backend.BackendFactory.Option;
import abuse.backend.Backends;
import abuse.device.SimulatedDevices;
import abuse.device.SimulatedDisk;
import abuse.device.Status;
import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server in a thread of its own, on a simulated device. */
@Timeout(600)
abstract class ServerTestBase {
    static final int BLOCK = 4096;
    static final int BLOCKS = 256;
    static final long CAPACITY = (long) BLOCK * BLOCKS;

    @TempDir
    Path directory;

    final SimulatedDevices devices = new SimulatedDevices();
    final SimulatedDisk disk = devices.add(0);
    final List<Running> servers = new ArrayList<>();

    /** A server in a thread of its own. */
    final class Running implements Server.Listener {
        final List<String> problems = Collections.synchronizedList(new ArrayList<>());
        final CountDownLatch ready = new CountDownLatch(1);
        final CountDownLatch waiting = new CountDownLatch(1);
        final Server server;
        final Thread thread;
        volatile Exception failure;

        Running(Server.BackendOpener opener) {
            server = new Server(devices, "/dev/abctl0", "model", opener, this);
            thread = new Thread(() -> {
                try {
                    server.run();
                } catch (IOException | RuntimeException e) {
                    failure = e;
                }
            });
            servers.add(this);
            thread.start();
        }

        Running awaitReady() throws InterruptedException {
            assertTrue(ready.await(100, TimeUnit.SECONDS), "not ready: " + failure);
            return this;
        }

        Exception awaitEnd() throws InterruptedException {
            thread.join(100_000);
            assertFalse(thread.isAlive(), "still running");
            return failure;
        }

        Exception stop() throws InterruptedException {
            server.stop();
            return awaitEnd();
        }

        @Override
        public void waiting() {
            waiting.countDown();
        }

        @Override
        public void ready(Status status) {
            ready.countDown();
        }

        @Override
        public void problem(String message) {
            problems.add(message);
        }
    }

    @AfterEach
    void stopServers() throws InterruptedException {
        for (Running running : servers) {
            running.stop();
        }
        assertEquals(0, disk.openNodes(), "open control nodes are left");
    }

    Running serve(Backend backend) throws InterruptedException {
        return new Running(geometry -> backend).awaitReady();
    }

    static byte[] pattern(int seed) {
        byte[] bytes = new byte[BLOCK];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Keeps blocks in a map; knows what of it a power cut would leave. */
    static class ModelBackend implements Backend {
        final Map<Long, byte[]> blocks = new TreeMap<>();
        final Map<Long, byte[]> durable = new TreeMap<>();
        int flushes;

        @Override
        public int threads() {
            return 1;
        }

        @Override
        public String identity() {
            return "model " + System.identityHashCode(this);
        }

        @Override
        public synchronized void read(long offset, ByteBuffer into) throws IOException {
            while (into.hasRemaining()) {
                into.put(blocks.getOrDefault(offset, new byte[BLOCK]));
                offset += BLOCK;
            }
        }

        @Override
        public synchronized void write(long offset, ByteBuffer from) throws IOException {
            while (from.hasRemaining()) {
                byte[] bytes = new byte[BLOCK];
                from.get(bytes);
                blocks.put(offset, bytes);
                offset += BLOCK;
            }
        }

        @Override
        public synchronized void flush() throws IOException {
            flushes++;
            durable.putAll(blocks);
        }
    }

    Running serveImage() throws InterruptedException {
        return new Running(geometry -> new Backends().open("file:" + directory.resolve("image"), Set.of(Option.CREATE),
                geometry)).awaitReady();
    }

    /** Storage behind addresses, that tells what a power cut would leave. */
    static class ModelStore extends ModelBackend implements AddressedBackend {
        private final Memory memory = Memory.map(CAPACITY);
        private byte[] durable = new byte[(int) CAPACITY];
        boolean broken;

        @Override
        public boolean isStored() {
            return true;
        }

        @Override
        public long readAddress(long offset, long length) {
            return memory.address() + offset;
        }

        @Override
        public long writeAddress(long offset, long length) {
            return memory.address() + offset;
        }

        @Override
        public synchronized void read(long offset, ByteBuffer into) throws IOException {
            throw new IOException("store: bad sector");
        }

        @Override
        public synchronized void write(long offset, ByteBuffer from) throws IOException {
            throw new IOException("store: full");
        }

        @Override
        public synchronized void flush() throws IOException {
            flushes++;
            if (broken) {
                throw new IOException("store: broken");
            }
            memory.buffer().get(0, durable);
        }

        synchronized byte[] durable(long offset) {
            return Arrays.copyOfRange(durable, (int) offset, (int) offset + BLOCK);
        }

        @Override
        public void close() {
            memory.close();
        }
    }
}
