// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.backend.Backends;
import abuse.backend.Geometry;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A program whose common threads all read from its own disk, as those of a parallel stream do. */
class HttpThreadsTest {
    private static final int COMMON = 3;

    /** Reads a disk while no common thread is free; each question is first answered with an error. */
    public static void main(String[] args) throws Exception {
        var busy = new CountDownLatch(COMMON);
        for (int i = 0; i < COMMON; i++) {
            ForkJoinPool.commonPool().execute(() -> {
                busy.countDown();
                while (true) {
                    try {
                        Thread.sleep(1000);
                    } catch (InterruptedException e) {
                        // It is never free
                    }
                }
            });
        }
        busy.await();
        try (var web = new FakeWebServer(new byte[1 << 20]);
                var backend = new Backends().open(web.url(), Set.of(), new Geometry(0, 1 << 20, 4096, 1 << 20, true))) {
            web.answer = exchange -> web.asked.size() == 2 && FakeWebServer.status(exchange, 503);
            backend.read(4096, ByteBuffer.allocateDirect(4096));
        }
        System.out.println("read");
        System.exit(0);
    }

    @Test
    @Timeout(200)
    void it_needs_no_common_thread() throws Exception {
        var process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx128m",
                "-Djava.util.concurrent.ForkJoinPool.common.parallelism=" + COMMON, "-cp", HttpsTest.classPath(), HttpThreadsTest.class.getName())
                        .redirectErrorStream(true).start();
        if (!process.waitFor(100, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
        assertEquals("read", new String(process.getInputStream().readAllBytes()).strip());
    }
}
