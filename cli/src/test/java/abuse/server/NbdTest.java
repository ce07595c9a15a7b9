// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.Flag;
import abuse.device.Result;
import abuse.device.SimulatedDisk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The nbd backend with servers of others. */
@Tag("packages")
class NbdTest extends EngineTestBase {
    private final List<NbdProcess> processes = new ArrayList<>();

    @AfterEach
    void endProcesses() throws Exception {
        for (var running : servers) {
            running.server.stop();
        }
        for (var process : processes) {
            process.signal("CONT");
        }
        for (var running : servers) {
            running.end();
        }
        for (var process : processes) {
            process.kill();
        }
    }

    private NbdProcess nbdkit(String... arguments) throws Exception {
        return keep(NbdProcess.nbdkit(directory, arguments));
    }

    private NbdProcess keep(NbdProcess process) {
        processes.add(process);
        return process;
    }

    private RunningServer serve(NbdProcess process) throws Exception {
        return serve(geometry -> new Backends().open(process.uri, Set.of(), geometry));
    }

    private String refusal(String uri, int blockSize, boolean readOnly) {
        return assertThrows(IOException.class, () -> new Backends().open(uri, Set.of(),
                new Geometry(0, CAPACITY, blockSize, 1 << 20, readOnly)).close()).getMessage();
    }

    @Test
    void nbdkit_on_a_unix_socket() throws Exception {
        use();
        exercise(serve(nbdkit("memory", "1M")));
    }

    @Test
    void nbdkit_over_tcp() throws Exception {
        use();
        exercise(serve(keep(NbdProcess.nbdkitOnPort(directory, "memory", "1M"))));
    }

    @Test
    void qemu_with_qcow2() throws Exception {
        var image = directory.resolve("image.qcow2").toString();
        assertEquals(0, new ProcessBuilder("qemu-img", "create", "-q", "-f", "qcow2", image, "1M").inheritIO().start().waitFor());
        use();
        exercise(serve(keep(NbdProcess.qemu(directory, "-f", "qcow2", image))));
    }

    @Test
    void nbd_server_over_tcp() throws Exception {
        use();
        exercise(serve(nbdServer()));
    }

    private NbdProcess nbdServer() throws Exception {
        return keep(NbdProcess.nbdServer(directory, "exportname = " + zeros(), "flush = true", "fua = true", "trim = true"));
    }

    @Test
    void a_read_of_data_and_holes() throws Exception {
        var image = directory.resolve("image.qcow2").toString();
        assertEquals(0, new ProcessBuilder("qemu-img", "create", "-q", "-f", "qcow2", image, "1M").inheritIO().start().waitFor());
        use();
        var running = serve(keep(NbdProcess.qemu(directory, "-f", "qcow2", image)));
        // The first cluster is there, those behind it are not
        assertFalse(disk.write(0, pattern(1)).await().failed());
        byte[] expected = Arrays.copyOf(pattern(1), 512 << 10);
        assertArrayEquals(expected, disk.read(0, 512 << 10).await().data());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void as_many_connections_as_the_server_takes() throws Exception {
        use();
        exercise(serve(keep(NbdProcess.qemu(directory, "-e", "2", "-f", "raw", zeros()))));
    }

    @Test
    void a_server_without_structured_replies() throws Exception {
        use();
        exercise(serve(nbdkit("--no-sr", "memory", "1M")));
    }

    @Test
    void a_server_that_cannot_write_zeroes() throws Exception {
        use();
        exercise(serve(nbdkit("--filter=nozero", "memory", "1M", "zeromode=none")));
    }

    @Test
    void a_server_that_takes_only_short_requests() throws Exception {
        use();
        exercise(serve(nbdkit("--filter=blocksize-policy", "memory", "1M", "blocksize-minimum=4K", "blocksize-preferred=4K",
                "blocksize-maximum=64K", "blocksize-error-policy=error")));
    }

    @Test
    void size_blocks_and_access_are_looked_up() throws Exception {
        var process = nbdkit("-r", "--filter=blocksize-policy", "memory", "1M", "blocksize-minimum=1K", "blocksize-preferred=4K",
                "blocksize-maximum=64K");
        var backends = new Backends();
        var image = backends.look(process.uri);
        assertEquals(1 << 20, image.size());
        assertEquals(1024, image.leastBlock());
        assertTrue(image.readOnly());
        assertEquals(4096, image.blockSize(4096));
        assertTrue(image.fits(4096));
        assertEquals(process.uri + ": is read-only; set up with ro", refusal(process.uri, 4096, false));
        assertEquals(process.uri + ": has blocks of 1024 bytes, but its disk has blocks of 512; set up with bs=1024",
                refusal(process.uri, 512, true));
        backends.open(process.uri, Set.of(), new Geometry(0, CAPACITY, 1024, 1 << 20, true)).close();
    }

    @Test
    void what_cannot_be_opened_tells_where_why_and_what_to_do() throws Exception {
        var process = keep(NbdProcess.qemu(directory, "-f", "raw", "-x", "disk", "-r", zeros()));
        String other = process.uri.replace("///", "///other");
        assertEquals(other + ": the server has no export named 'other'; 'nbdinfo --list' shows those it has",
                refusal(other, 4096, true));
        process.kill();
        assertEquals(other + ": Connection refused; is an NBD server running there?", refusal(other, 4096, true));
        assertThrows(IOException.class, () -> new Backends().look(other));
        assertEquals("nbd://nowhere.invalid/: no such host", refusal("nbd://nowhere.invalid/", 4096, true));
        assertEquals("nbd:disk: names no host; it is nbd://HOST[:PORT]/[EXPORT]", refusal("nbd:disk", 4096, true));
        assertEquals("nbd+unix:///disk: names no socket; add ?socket=PATH", refusal("nbd+unix:///disk", 4096, true));
    }

    private String zeros() throws Exception {
        var file = directory.resolve("zeros");
        try (var zeros = new RandomAccessFile(file.toFile(), "rw")) {
            zeros.setLength(CAPACITY);
        }
        return file.toString();
    }

    @Test
    void errors_of_the_server_reach_the_users() throws Exception {
        use();
        var running = serve(nbdkit("--filter=error", "memory", "1M", "error=ENOSPC", "error-pwrite-rate=100%"));
        var write = disk.write(0, pattern(1));
        assertTrue(write.await().failed());
        assertEquals(Result.NO_SPACE, write.result());
        assertFalse(disk.read(0, BLOCK).await().failed());
        assertEquals(1, running.problems.size());
        assertTrue(running.problems.get(0).startsWith(processes.get(0).uri + ": the server answers: No space left"),
                running.problems.toString());
    }

    @Test
    void requests_wait_for_qemu_that_was_killed() throws Exception {
        beKilled(keep(NbdProcess.qemu(directory, "-f", "raw", zeros())));
    }

    @Test
    void requests_wait_for_nbdkit_that_was_killed() throws Exception {
        beKilled(nbdkit("file", zeros()));
    }

    @Test
    void requests_wait_for_nbd_server_that_was_killed() throws Exception {
        beKilled(nbdServer());
    }

    private void beKilled(NbdProcess process) throws Exception {
        use();
        var running = serve(process);
        // By this thread, as nbdkit ends with the one that has started it
        loadDuring(() -> {
            for (int i = 0; i < 20; i++) {
                Thread.sleep(60);
                process.kill();
                Thread.sleep(20);
                process.start();
            }
        });
        // Some connections may come back last
        while (!running.problems.contains(process.uri + ": connected again")) {
            Thread.sleep(5);
        }
        assertNull(running.stop());
        assertTrue(running.problems.get(0).startsWith(process.uri + ": lost the connection: "), running.problems.toString());
    }

    @Test
    void one_flush_fails_if_written_data_may_be_lost() throws Exception {
        use();
        var process = nbdkit("memory", "1M");
        var running = serve(process);
        disk.write(0, pattern(1)).await();
        assertFalse(disk.flush().await().failed());
        process.kill();
        process.start();
        assertFalse(disk.write(0, pattern(2)).await().failed());
        assertFalse(disk.flush().await().failed(), "nothing was unflushed");
        disk.write(0, pattern(3)).await();
        process.kill();
        process.start();
        assertTrue(disk.flush().await().failed());
        assertFalse(disk.flush().await().failed());
        assertTrue(running.problems.stream().anyMatch(problem -> problem.contains("the next flush fails")),
                running.problems.toString());
    }

    @Test
    void a_server_that_hangs_fails_requests_at_their_deadline() throws Exception {
        use();
        var process = nbdkit("memory", "1M");
        var running = new RunningServer(devices, process.uri, geometry -> new Backends().open(process.uri, Set.of(), geometry));
        running.server.limitTo(300_000_000);
        start(running).awaitReady();
        // On a busy machine one may miss its deadline, too
        atLast(() -> disk.write(0, pattern(1)));
        process.hang();
        var late = new ArrayList<SimulatedDisk.Submitted>();
        for (int i = 0; i < 200; i++) {
            late.add(disk.read(0, BLOCK));
        }
        for (var read : late) {
            assertTrue(read.await().failed());
            assertEquals(Result.TIMEOUT, read.result());
        }
        process.signal("CONT");
        assertArrayEquals(pattern(1), atLast(() -> disk.read(0, BLOCK)));
        assertNull(running.stop());
    }

    @Test
    void requests_without_a_server_fail_at_their_deadline_too() throws Exception {
        use();
        var process = nbdkit("memory", "1M");
        var running = new RunningServer(devices, process.uri, geometry -> new Backends().open(process.uri, Set.of(), geometry));
        running.server.limitTo(300_000_000);
        start(running).awaitReady();
        process.kill();
        var late = new ArrayList<SimulatedDisk.Submitted>();
        for (int i = 0; i < 300; i++) {
            late.add(i % 2 == 0 ? disk.read(0, BLOCK) : disk.write(BLOCK, pattern(i)));
        }
        for (var one : late) {
            one.await();
            assertEquals(Result.TIMEOUT, one.result());
        }
        process.start();
        atLast(() -> disk.write(0, pattern(1)));
        assertNull(running.stop());
    }

    private RunningServer serveCommand(String command) throws Exception {
        return serve(geometry -> new Backends().open("nbd-exec:" + command, Set.of(), geometry));
    }

    /** The processes that have a word in their command line. */
    private static List<ProcessHandle> processesWith(String word) {
        return ProcessHandle.allProcesses().filter(process -> process.info().commandLine().orElse("").contains(word)).toList();
    }

    private static void awaitGone(String word) throws InterruptedException {
        while (!processesWith(word).isEmpty()) {
            Thread.sleep(5);
        }
    }

    @Test
    void a_private_server_lives_as_long_as_ours() throws Exception {
        use();
        String image = zeros();
        var running = serveCommand("qemu-nbd -f raw '" + image + "'");
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertTrue(processesWith(image).stream().anyMatch(process -> process.info().command().orElse("").endsWith("qemu-nbd")));
        assertNull(running.stop());
        awaitGone(image);
        assertEquals(List.of(), running.problems);
        running = serveCommand("nbdkit -t 1 file '" + image + "'");
        assertArrayEquals(pattern(1), disk.read(0, BLOCK).await().data());
        exercise(running);
        awaitGone(image);
    }

    @Test
    void a_private_server_outlives_the_thread_that_opened_it() throws Exception {
        use();
        String image = zeros();
        var backend = new AtomicReference<Backend>();
        var opener = new Thread(() -> {
            try {
                backend.set(new Backends().open("nbd-exec:nbdkit -t 1 file " + image, Set.of(), new Geometry(0, CAPACITY, 4096, 1 << 20, false)));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        opener.start();
        opener.join();
        var before = processesWith(image);
        assertTrue(before.size() >= 2, before.toString());
        var running = serve(backend.get());
        load(20);
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void a_private_server_that_dies_is_started_again() throws Exception {
        use();
        String image = zeros();
        var running = serveCommand("qemu-nbd -f raw " + image);
        for (int i = 0; i < 3; i++) {
            load(1);
            for (var process : processesWith(image)) {
                if (process.info().command().orElse("").endsWith("qemu-nbd")) {
                    process.destroyForcibly();
                }
            }
        }
        load(2);
        assertNull(running.stop());
        assertTrue(running.problems.stream().anyMatch(problem -> problem.endsWith(": connected again")), running.problems.toString());
        awaitGone(image);
    }

    @Test
    void a_command_that_does_not_serve_says_why() {
        assertEquals("nbd-exec:frob 1: 'frob' is not found, or cannot be executed", refusal("nbd-exec:frob 1", 4096, true));
        assertEquals("nbd-exec:sh -c 'exit 3': 'sh' has ended with status 3", refusal("nbd-exec:sh -c 'exit 3'", 4096, true));
        assertEquals("nbd-exec:sh -c 'kill -9 $$': 'sh' was ended by signal 9", refusal("nbd-exec:sh -c 'kill -9 $$'", 4096, true));
        assertEquals("nbd-exec:true: 'true' has ended, but should serve until it is told to end, and not go to the background",
                refusal("nbd-exec:true", 4096, true));
        assertEquals("nbd-exec:sh 'a: there is no second '", refusal("nbd-exec:sh 'a", 4096, true));
        assertEquals("nbd-exec: : names no command", refusal("nbd-exec: ", 4096, true));
    }
}
