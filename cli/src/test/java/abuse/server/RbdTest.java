// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.cache.CachePlace;
import abuse.cache.CachedBackend;
import abuse.device.Device;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.Result;
import abuse.device.SimulatedDisk.Submitted;
import abuse.libc.Memory;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The rbd backend with a cluster. */
@Tag("engines")
class RbdTest extends EngineTestBase {
    private static final String FEATURES = "layering,exclusive-lock";
    private static final AtomicInteger IMAGES = new AtomicInteger();

    private final String name = "rbd/disk" + ProcessHandle.current().pid() + "-" + IMAGES.incrementAndGet();
    private String image;

    @BeforeEach
    void makeImage() throws Exception {
        use();
        image = CephNode.make(name, "1M", FEATURES);
    }

    @AfterEach
    void stopServersFirst() throws Exception {
        for (RunningServer running : servers) {
            running.stop();
        }
    }

    private static Backend open(String image, Geometry geometry) throws IOException {
        return new Backends().open(image, Set.of(), geometry);
    }

    private static Geometry geometry(boolean readOnly) {
        return new Geometry(0, CAPACITY, BLOCK, 1 << 20, readOnly);
    }

    private RunningServer serve() throws Exception {
        return serve(geometry -> open(image, geometry));
    }

    private static String refusal(String image, boolean readOnly) {
        return assertThrows(IOException.class, () -> open(image, geometry(readOnly)).close()).getMessage();
    }

    private static byte[] read(Backend backend, long offset, int length) throws IOException {
        try (Memory memory = Memory.map(length)) {
            backend.read(offset, memory.buffer(0, length));
            byte[] bytes = new byte[length];
            memory.buffer().get(0, bytes);
            return bytes;
        }
    }

    private static void awaitProblem(RunningServer running, String words) throws InterruptedException {
        while (List.copyOf(running.problems).stream().noneMatch(problem -> problem.contains(words))) {
            Thread.sleep(5);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"layering", FEATURES, "layering,exclusive-lock,object-map,fast-diff,deep-flatten"})
    void everything_that_a_disk_is_asked(String features) throws Exception {
        image = CephNode.make(name + "-too", "1M", features);
        exercise(serve());
    }

    @Test
    void an_image_in_a_namespace() throws Exception {
        CephNode.rbd("namespace", "create", "rbd/" + name.substring(4));
        image = CephNode.make("rbd/" + name.substring(4) + "/disk", "1M", FEATURES);
        exercise(serve());
    }

    @Test
    void it_is_what_others_read() throws Exception {
        var running = serve();
        disk.write(3 * BLOCK, pattern(1)).await();
        disk.write(4 * BLOCK, pattern(2)).await();
        disk.submit(Operation.WRITE_ZEROES, 4 * BLOCK, BLOCK, null, false, 0).await();
        assertNull(running.stop());
        var file = directory.resolve("copy");
        CephNode.rbd("export", name, file.toString());
        byte[] expected = new byte[(int) CAPACITY];
        System.arraycopy(pattern(1), 0, expected, 3 * BLOCK, BLOCK);
        assertArrayEquals(expected, Files.readAllBytes(file));
    }

    @Test
    void a_request_without_data_may_be_as_long_as_any() throws Exception {
        CephNode.rbd("resize", "--size", "5G", name);
        disk.setUp(5L << 30, Flag.WRITE_CACHE, Flag.DISCARD, Flag.WRITE_ZEROES);
        serve();
        long longest = (4L << 30) - (1 << 20);
        for (var operation : List.of(Operation.DISCARD, Operation.WRITE_ZEROES)) {
            for (long offset : new long[] {0, longest - BLOCK, longest}) {
                assertFalse(disk.write(offset, pattern(1)).await().failed());
            }
            assertFalse(disk.submit(operation, 0, longest, null, false, 0).await().failed());
            assertArrayEquals(new byte[BLOCK], disk.read(longest - BLOCK, BLOCK).await().data());
            assertArrayEquals(pattern(1), disk.read(longest, BLOCK).await().data());
        }
    }

    @Test
    void size_and_access_are_looked_up() throws Exception {
        CephNode.rbd("snap", "create", name + "@one");
        var found = new Backends().look(image);
        assertEquals(CAPACITY, found.size());
        assertFalse(found.readOnly());
        assertTrue(found.discards());
        assertEquals(4096, found.blockSize(4096));
        found = new Backends().look(CephNode.image(name + "@one"));
        assertEquals(CAPACITY, found.size());
        assertTrue(found.readOnly());
    }

    @Test
    void a_snapshot_stays_as_it_was() throws Exception {
        serve();
        disk.write(0, pattern(1)).await();
        // This one asks the server, which has the lock
        CephNode.rbd("snap", "create", name + "@one");
        disk.write(0, pattern(2)).await();
        String snapshot = CephNode.image(name + "@one");
        assertEquals(snapshot + ": a snapshot is read-only; set up with ro", refusal(snapshot, false));
        try (var backend = open(snapshot, geometry(true)); var now = open(image, geometry(true))) {
            assertArrayEquals(pattern(1), read(backend, 0, BLOCK));
            assertArrayEquals(pattern(2), read(now, 0, BLOCK));
            assertNotNull(backend.identity());
            assertFalse(backend.identity().equals(now.identity()));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "none/disk | No such file or directory; the cluster has no pool 'none'",
        "rbd/none | No such file or directory; the pool has no such image",
        "rbd/none@one | No such file or directory; the pool has no such image, or the image no such snapshot",
    })
    void what_is_not_there_is_named(String missing, String words) {
        String text = CephNode.image(missing);
        assertEquals(text + ": " + words, refusal(text, true));
        assertThrows(IOException.class, () -> new Backends().look(text));
    }

    @Test
    void a_configuration_that_is_not_there_or_none_or_leads_nowhere() throws Exception {
        assertEquals("rbd:rbd/disk?conf=/none.conf: /none.conf: No such file or directory; another configuration is named by ?conf=FILE",
                refusal("rbd:rbd/disk?conf=/none.conf", true));
        var file = directory.resolve("ceph.conf");
        Files.writeString(file, "[global]\nmon_host = v2:127.0.0.1:1\nclient_mount_timeout = 1\nauth_client_required = none\n");
        assertEquals("rbd:rbd/disk?conf=" + file + ": no monitor of the cluster answers; is 'mon_host' right in " + file + "?",
                refusal("rbd:rbd/disk?conf=" + file, true));
    }

    @Test
    void a_second_one_that_writes_is_refused() throws Exception {
        var running = serve();
        disk.write(0, pattern(1)).await();
        assertEquals(image + ": the client ADDRESS uses the image, and has its exclusive lock; if it was killed, the cluster notices"
                + " that in half a minute", refusal(image, false).replaceFirst("127[.0-9]*:0/[0-9]+", "ADDRESS"));
        // Nothing has changed for the first one
        load(2);
        assertEquals(List.of(), running.problems);
        assertNull(running.stop());
        open(image, geometry(false)).close();
    }

    /** As another client does. */
    private void fence() throws Exception {
        String[] words = CephNode.rbd("lock", "list", name).lines().reduce((one, last) -> last).orElseThrow().split("  +");
        CephNode.rbd("lock", "remove", name, words[1], words[0]);
        CephNode.ceph("osd", "blocklist", "add", words[2]);
    }

    @Test
    void the_cache_of_who_is_fenced_is_not_read_any_more() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE, Flag.WRITE_CACHE);
        disk.carryOutMapped();
        var running = serve(geometry -> new CachedBackend(open(image, geometry), new CachePlace(null, CAPACITY, 4 * BLOCK), geometry));
        disk.write(0, pattern(1)).await();
        assertArrayEquals(pattern(1), disk.read(0, BLOCK).await().data());
        try (Device device = devices.open("/dev/abctl0")) {
            assertEquals(1, device.extents().size());
            Thread.sleep(3000);
            assertEquals(1, device.extents().size());
            fence();
            while (!device.extents().isEmpty()) {
                Thread.sleep(5);
            }
        }
        assertTrue(disk.read(0, BLOCK).await().failed());
        running.stop();
    }

    @Test
    void who_is_fenced_says_so() throws Exception {
        var running = serve();
        disk.write(0, pattern(1)).await();
        fence();
        Submitted write = disk.write(0, pattern(2));
        assertTrue(write.await().failed());
        assertEquals(Result.REMOTE_FAILURE, write.result());
        awaitProblem(running, "has broken its lock");
        running.stop();
        try (var backend = open(image, geometry(false))) {
            assertArrayEquals(pattern(1), read(backend, 0, BLOCK));
        }
    }

    @Test
    void the_next_one_takes_over_at_once_when_one_is_killed() throws Exception {
        for (int i = 1; i <= 3; i++) {
            var log = directory.resolve("log" + i);
            var writer = new ProcessBuilder(ProcessHandle.current().info().command().orElseThrow(), "-cp",
                    System.getProperty("java.class.path"), RbdWriter.class.getName(), image, Integer.toString(i))
                    .redirectErrorStream(true).redirectOutput(log.toFile()).start();
            long answered = 0;
            while (answered < 100) {
                assertTrue(writer.isAlive(), Files.readString(log));
                answered = Files.exists(log) ? Files.size(log) : 0;
                Thread.sleep(10);
            }
            writer.destroyForcibly().waitFor();
            try (var backend = open(image, geometry(false))) {
                answered = Files.size(log);
                for (int block = 0; block < BLOCKS; block++) {
                    long turn = Math.floorDiv(answered - 1 - block, BLOCKS);
                    byte[] found = read(backend, (long) block * BLOCK, BLOCK);
                    // Its last write may have been carried out, too
                    boolean is = Arrays.equals(found, RbdWriter.block(i, turn * BLOCKS + block));
                    assertTrue(is || Arrays.equals(found, RbdWriter.block(i, (turn + 1) * BLOCKS + block)), "block " + block);
                }
            }
            assertTrue(CephNode.ceph("osd", "blocklist", "ls").lines().filter(line -> line.startsWith("127.0.0.1:")).count() >= i);
        }
    }

    @Test
    void the_size_of_the_image_may_change() throws Exception {
        var running = serve();
        CephNode.rbd("resize", "--size", "2M", name);
        awaitProblem(running, ": the image has 2097152 bytes now, and had 1048576; 'abusectl resize' makes the disk as large");
        disk.setUp(2 * CAPACITY, Flag.WRITE_CACHE);
        assertFalse(disk.write(2 * CAPACITY - BLOCK, pattern(1)).await().failed());
        disk.setUp(3 * CAPACITY, Flag.WRITE_CACHE);
        assertTrue(disk.write(3 * CAPACITY - BLOCK, pattern(1)).await().failed());
        awaitProblem(running, "the disk has become larger, so the image must have 3145728 bytes, too");
        CephNode.rbd("resize", "--size", "1M", "--allow-shrink", name);
        awaitProblem(running, "what is beyond its end fails");
        assertTrue(disk.write(CAPACITY, pattern(1)).await().failed());
        assertFalse(disk.write(0, pattern(1)).await().failed());
    }

    @Test
    void one_that_only_reads_is_opened_again_to_see_a_new_size() throws Exception {
        try (var backend = open(image, geometry(true))) {
            CephNode.rbd("resize", "--size", "2M", name);
            assertThrows(IOException.class, () -> backend.grow(2 * CAPACITY));
            assertEquals(CAPACITY, backend.size());
        }
        try (var backend = open(image, geometry(true))) {
            assertEquals(2 * CAPACITY, backend.size());
        }
    }

    @Test
    void requests_wait_for_an_osd_that_was_killed() throws Exception {
        var running = serve();
        loadDuring(() -> {
            for (int i = 0; i < 2; i++) {
                Thread.sleep(300);
                CephNode.killOsd();
                Thread.sleep(1000);
                CephNode.startOsd();
            }
        });
        assertNull(running.stop());
    }

    @Test
    void requests_fail_at_their_deadline_without_an_osd() throws Exception {
        var running = new RunningServer(devices, image, geometry -> open(image, geometry));
        running.server.limitTo(2_000_000_000);
        start(running).awaitReady();
        atLast(() -> disk.write(0, pattern(1)));
        CephNode.killOsd();
        try {
            // More than there are places for, which therefore have to become free
            var late = new ArrayList<Submitted>();
            for (int i = 0; i < 400; i++) {
                late.add(i % 2 == 0 ? disk.read(0, BLOCK) : disk.write(BLOCK, pattern(i)));
            }
            for (var one : late) {
                assertTrue(one.await().failed());
                assertEquals(Result.TIMEOUT, one.result());
            }
        } finally {
            CephNode.startOsd();
        }
        assertArrayEquals(pattern(1), atLast(() -> disk.read(0, BLOCK)));
        atLast(() -> disk.write(0, pattern(2)));
        assertNull(running.stop());
    }

    @Test
    void the_end_of_a_disk_does_not_wait_for_an_osd() throws Exception {
        var running = serve();
        disk.write(0, pattern(1)).await();
        CephNode.killOsd();
        try {
            disk.write(0, pattern(2));
            disk.reset();
            assertTrue(AsyncWorker.isReset(running.end()));
        } finally {
            CephNode.startOsd();
        }
        awaitProblem(running, "the cluster does not answer, so the image was not closed");
    }

    @Test
    void a_request_allocates_next_to_nothing() throws Exception {
        int rounds = 1000;
        long bytes = new AllocationMeter("rbd ", 1, rounds).measure(image, BLOCK);
        assertTrue(bytes < rounds * AllocationMeter.TOGETHER * 10L, bytes + " bytes for " + rounds * AllocationMeter.TOGETHER + " requests");
    }
}
