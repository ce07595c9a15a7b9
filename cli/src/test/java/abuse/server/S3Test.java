// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.device.Flag;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A disk that is an object of an object store. */
@Tag("engines")
class S3Test extends ServerTestBase {
    private final byte[] image = new byte[(int) CAPACITY];
    private Process store;
    private int port;

    @BeforeEach
    void startStore() throws Exception {
        try (var free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        store = new ProcessBuilder(java, "-cp", System.getProperty("abuse.s3mock") + "/*", "-Dserver.port=0",
                "-Dcom.adobe.testing.s3mock.httpPort=" + port, "-Dcom.adobe.testing.s3mock.store.initialBuckets=bucket",
                "com.adobe.testing.s3mock.S3MockApplication")
                .redirectErrorStream(true).redirectOutput(directory.resolve("store.log").toFile()).start();
        new Random(1).nextBytes(image);
        put();
        disk.setUp(CAPACITY, Flag.READ_ONLY);
    }

    /** Puts the object there, as soon as the store listens. */
    private void put() throws Exception {
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/bucket/disk.img"))
                .PUT(BodyPublishers.ofByteArray(image)).build();
        while (true) {
            assertTrue(store.isAlive(), "the object store has ended");
            try {
                assertEquals(200, HttpClient.newHttpClient().send(request, BodyHandlers.discarding()).statusCode());
                return;
            } catch (IOException e) {
                Thread.sleep(50);
            }
        }
    }

    @AfterEach
    void endStore() throws Exception {
        for (RunningServer running : servers) {
            running.stop();
        }
        store.destroyForcibly().waitFor();
    }

    /** The first as abusectl-server(8) has it, the other for objects that need no signature. */
    @ParameterizedTest
    @ValueSource(strings = {
        "nbd-exec:nbdkit -r python /usr/lib/x86_64-linux-gnu/nbdkit/plugins/nbdkit-S3-plugin"
                + " endpoint-url=http://127.0.0.1:%d access-key=x secret-key=y bucket=bucket key=disk.img",
        "http://127.0.0.1:%d/bucket/disk.img",
    })
    void an_object_is_read(String form) throws Exception {
        String backend = form.formatted(port);
        var running = serve(geometry -> new Backends().open(backend, Set.of(), geometry));
        for (int offset = 0; offset < CAPACITY; offset += 1 << 18) {
            byte[] expected = Arrays.copyOfRange(image, offset, offset + (1 << 18));
            assertArrayEquals(expected, disk.read(offset, 1 << 18).await().data());
        }
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }
}
