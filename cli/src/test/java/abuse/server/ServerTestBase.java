// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.backend.Backend;
import abuse.backend.BackendFactory.Option;
import abuse.backend.Backends;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.SimulatedDevices;
import abuse.device.SimulatedDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server in a thread of its own, on a simulated device. */
@Timeout(600)
abstract class ServerTestBase {
    static final int BLOCK = 4096;
    static final int BLOCKS = 256;
    static final long CAPACITY = (long) BLOCK * BLOCKS;
    static final Server.BackendOpener MEM = geometry -> new Backends().open("mem", Set.of(), geometry);

    @TempDir
    Path directory;

    final SimulatedDevices devices = new SimulatedDevices();
    final SimulatedDisk disk = devices.add(0);
    final List<RunningServer> servers = new ArrayList<>();

    @AfterEach
    @Timeout(600)
    void stopServers() throws InterruptedException {
        for (RunningServer running : servers) {
            running.stop();
        }
        assertEquals(0, disk.openNodes(), "open control nodes are left");
    }

    /** Starts a server, which the end of the test stops if it still runs. */
    RunningServer start(RunningServer running) {
        servers.add(running);
        return running.start();
    }

    RunningServer start(Server.BackendOpener opener) {
        return start(new RunningServer(devices, "model", opener));
    }

    RunningServer serve(Server.BackendOpener opener) throws InterruptedException {
        return start(opener).awaitReady();
    }

    RunningServer serve(Backend backend) throws InterruptedException {
        return serve(geometry -> backend);
    }

    RunningServer serveImage() throws InterruptedException {
        return serve(geometry -> new Backends().open("file:" + directory.resolve("image"), Set.of(Option.CREATE), geometry));
    }

    /** How many control nodes have asked for requests. */
    int countServers() {
        try (Device device = devices.open("/dev/abctl0")) {
            return device.servers().size();
        } catch (DeviceException e) {
            throw new IllegalStateException(e);
        }
    }

    static byte[] pattern(int seed) {
        byte[] bytes = new byte[BLOCK];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Keeps blocks in a map, and knows which of them would survive a power cut. */
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

    /** Keeps blocks in memory, and knows which of them would survive a power cut. What does not go by address fails. */
    static class ModelStore extends MemoryStore {
        private final byte[] durable = new byte[(int) CAPACITY];
        int flushes;
        boolean broken;

        ModelStore() {
            super(CAPACITY);
        }

        @Override
        public void read(long offset, ByteBuffer into) throws IOException {
            throw new IOException("store: bad sector");
        }

        @Override
        public void write(long offset, ByteBuffer from) throws IOException {
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
    }
}
