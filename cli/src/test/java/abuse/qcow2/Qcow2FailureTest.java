// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A call that fails while a request is carried out costs no cluster once the server has ended. */
class Qcow2FailureTest extends Qcow2TestBase {
    /** How many calls succeed before one fails; negative if none fails any more. */
    private int untilFailure;

    /** Fails as storage does, or as a JVM without memory. */
    private final class FailingFile extends ImageFile {
        private final boolean error;

        FailingFile(String path, boolean error) throws IOException {
            super(path, true);
            this.error = error;
        }

        private void mayFail() throws IOException {
            if (untilFailure-- == 0) {
                if (error) {
                    throw new OutOfMemoryError("a test");
                }
                throw new IOException("a test");
            }
        }

        @Override
        void read(long position, ByteBuffer into, int length) throws IOException {
            mayFail();
            super.read(position, into, length);
        }

        @Override
        void write(long position, ByteBuffer from, int length) throws IOException {
            mayFail();
            super.write(position, from, length);
        }

        @Override
        boolean punch(long position, long length) throws IOException {
            mayFail();
            return super.punch(position, length);
        }

        @Override
        void resize(long length) throws IOException {
            mayFail();
            super.resize(length);
        }

        @Override
        void sync() throws IOException {
            mayFail();
            super.sync();
        }
    }

    @ParameterizedTest
    @CsvSource({"1.1, r, false", "1.1, r, true", "0.10, r, true", "1.1, '', false"})
    void a_failure_loses_no_cluster(String version, String backing, boolean error) throws Exception {
        Path good = make(new Creation(4096, version, 16, backing, true, true));
        Path image = folder.resolve("tried");
        int failures = 0;
        for (int n = 0; n < 60; n++) {
            Files.copy(good, image, StandardCopyOption.REPLACE_EXISTING);
            untilFailure = -1;
            Qcow2Layer layer = new Chain((path, writable) -> writable ? new FailingFile(path, error) : new ImageFile(path, false))
                    .open(image.toString(), true);
            try (var backend = new WritableBackend(layer, new Changes(layer, 16 << 10), MAX_REQUEST)) {
                untilFailure = n;
                for (int i = 0; i < 12; i++) {
                    try {
                        int at = i * 700 * 1024;
                        byte[] bytes = new byte[20480];
                        Arrays.fill(bytes, (byte) i);
                        backend.write(at + 512, direct(bytes));
                        backend.writeZeroes(at + 65536, 20480);
                        backend.discard(at + 131072, 20480);
                        backend.writeZeroes(at + 262144 + 512, 512);
                    } catch (IOException | OutOfMemoryError e) {
                        assertEquals("a test", e.getMessage());
                        failures++;
                    }
                }
                untilFailure = -1;
            }
            run("qemu-img", "check", "-q", image.toString());
        }
        assertTrue(failures > 30, failures + " failures");
    }
}
