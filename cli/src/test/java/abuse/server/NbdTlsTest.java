// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.Flag;
import abuse.device.SimulatedDisk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The nbd backend through TLS. */
@Tag("packages")
class NbdTlsTest extends ServerTestBase {
    private NbdProcess process;
    private Path ours;
    private Path strangers;

    @BeforeEach
    void makeCertificates() throws Exception {
        ours = authority("ours");
        strangers = authority("strangers");
        disk.setUp(CAPACITY, Flag.WRITE_CACHE, Flag.DISCARD, Flag.WRITE_ZEROES);
    }

    @AfterEach
    void endProcess() throws Exception {
        for (var running : servers) {
            running.stop();
        }
        if (process != null) {
            process.kill();
        }
    }

    private static void openssl(Path folder, String... arguments) throws Exception {
        var command = new ArrayList<>(List.of("openssl"));
        command.addAll(List.of(arguments));
        Process openssl = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
        String output = new String(openssl.getInputStream().readAllBytes());
        assertEquals(0, openssl.waitFor(), command + ": " + output);
    }

    /** A folder with an authority, and the certificates of a server named localhost and of a client. */
    private Path authority(String name) throws Exception {
        Path folder = Files.createDirectory(directory.resolve(name));
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                "/CN=" + name, "-keyout", "ca-key.pem", "-out", "ca-cert.pem");
        for (String who : List.of("server", "client")) {
            openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout",
                    who + "-key.pem", "-out", who + ".csr");
            Files.writeString(folder.resolve("names"), "subjectAltName=DNS:localhost\n");
            openssl(folder, "x509", "-req", "-in", who + ".csr", "-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days",
                    "30", "-extfile", "names", "-out", who + "-cert.pem");
        }
        return folder;
    }

    private String secure(NbdProcess server, String options) {
        process = server;
        return server.uri.replaceFirst("^nbd", "nbds").replace("127.0.0.1", "localhost") + (server.uri.contains("?") ? "&" : "/?") + options;
    }

    private String refusal(String uri) {
        return assertThrows(IOException.class, () -> new Backends().open(uri, Set.of(), new Geometry(0, CAPACITY, 4096, 1 << 20, false))
                .close()).getMessage();
    }

    private void exercise(String uri) throws Exception {
        var running = serve(geometry -> new Backends().open(uri, Set.of(), geometry));
        byte[] large = new byte[1 << 20];
        new Random(1).nextBytes(large);
        for (int i = 0; i < 20; i++) {
            large[i] = 0;
            assertFalse(disk.write(0, large).await().failed());
            assertArrayEquals(large, disk.read(0, 1 << 20).await().data());
            assertFalse(disk.writeFua(BLOCK, pattern(i)).await().failed());
            assertArrayEquals(pattern(i), disk.read(BLOCK, BLOCK).await().data());
            System.arraycopy(pattern(i), 0, large, BLOCK, BLOCK);
            assertFalse(disk.flush().await().failed());
        }
        var all = new ArrayList<SimulatedDisk.Submitted>();
        for (int i = 0; i < BLOCKS; i++) {
            all.add(disk.write((long) i * BLOCK, pattern(i)));
        }
        for (var write : all) {
            assertFalse(write.await().failed());
        }
        all.clear();
        for (int i = 0; i < BLOCKS; i++) {
            all.add(disk.read((long) i * BLOCK, BLOCK));
        }
        for (int i = 0; i < BLOCKS; i++) {
            assertArrayEquals(pattern(i), all.get(i).await().data());
        }
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void nbdkit_on_a_unix_socket() throws Exception {
        exercise(secure(NbdProcess.nbdkit(directory, "--tls=require", "--tls-certificates=" + ours, "memory", "1M"),
                "tls-hostname=localhost&tls-certificates=" + ours));
    }

    @Test
    void nbdkit_over_tcp_that_asks_who_we_are() throws Exception {
        exercise(secure(NbdProcess.nbdkitOnPort(directory, "--tls=require", "--tls-verify-peer", "--tls-certificates=" + ours, "memory",
                "1M"), "tls-certificates=" + ours));
    }

    @Test
    void qemu_with_TLS_1_2() throws Exception {
        var image = directory.resolve("image");
        Files.write(image, new byte[(int) CAPACITY]);
        exercise(secure(NbdProcess.qemu(directory, "--object", "tls-creds-x509,id=tls,endpoint=server,verify-peer=yes,dir=" + ours
                + ",priority=NORMAL:-VERS-ALL:+VERS-TLS1.2", "--tls-creds", "tls", "-f", "raw", image.toString()),
                "tls-certificates=" + ours));
    }

    @Test
    void a_server_that_is_killed_is_found_again() throws Exception {
        String uri = secure(NbdProcess.nbdkit(directory, "--tls=require", "--tls-certificates=" + ours, "memory", "1M"),
                "tls-certificates=" + ours);
        var running = serve(geometry -> new Backends().open(uri, Set.of(), geometry));
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertFalse(disk.flush().await().failed());
        process.kill();
        var write = disk.write(0, pattern(2));
        process.start();
        assertFalse(write.await().failed());
        assertArrayEquals(pattern(2), disk.read(0, BLOCK).await().data());
        assertNull(running.stop());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "strangers | TLS: nobody whom we trust has signed the server's certificate; ca-cert.pem in the folder that",
        "none | none/ca-cert.pem: No such file or directory; tls-certificates names a folder with ca-cert.pem",
    })
    void whom_we_do_not_trust_is_refused(String folder, String words) throws Exception {
        String uri = secure(NbdProcess.nbdkit(directory, "--tls=require", "--tls-certificates=" + ours, "memory", "1M"),
                "tls-certificates=" + directory.resolve(folder));
        String refusal = refusal(uri);
        assertTrue(refusal.startsWith(uri + ": ") && refusal.contains(words) && !refusal.contains("\n"), refusal);
        new Backends().open(uri + "&tls-verify-peer=false", Set.of(), new Geometry(0, CAPACITY, 4096, 1 << 20, false)).close();
    }

    @Test
    void a_server_of_another_name_is_refused() throws Exception {
        String uri = secure(NbdProcess.nbdkit(directory, "--tls=require", "--tls-certificates=" + ours, "memory", "1M"),
                "tls-certificates=" + ours);
        new Backends().open(uri, Set.of(), new Geometry(0, CAPACITY, 4096, 1 << 20, false)).close();
        String refusal = refusal(uri + "&tls-hostname=elsewhere");
        assertTrue(refusal.contains("TLS: ") && refusal.contains("elsewhere"), refusal);
    }

    @Test
    void a_server_without_TLS_is_refused_and_so_is_one_that_demands_it() throws Exception {
        String uri = secure(NbdProcess.nbdkit(directory, "memory", "1M"), "tls-certificates=" + ours);
        assertEquals(uri + ": the server has no TLS; without it, the name begins with nbd", refusal(uri));
        process.kill();
        process = NbdProcess.nbdkit(directory, "--tls=require", "--tls-certificates=" + ours, "memory", "1M");
        assertEquals(process.uri + ": the server demands TLS, so the name begins with nbds", refusal(process.uri));
    }

    @Test
    void a_key_in_another_form_tells_what_to_do() throws Exception {
        openssl(ours, "ec", "-in", "client-key.pem", "-out", "other-key.pem");
        Files.copy(ours.resolve("other-key.pem"), ours.resolve("client-key.pem"), StandardCopyOption.REPLACE_EXISTING);
        String uri = secure(NbdProcess.nbdkit(directory, "--tls=require", "--tls-certificates=" + ours, "memory", "1M"),
                "tls-certificates=" + ours);
        assertEquals(uri + ": " + ours.resolve("client-key.pem") + ": is no key in PKCS #8 without a password;"
                + " 'openssl pkcs8 -topk8 -nocrypt' makes it one", refusal(uri));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "ca-cert.pem | nonsense | is no certificate: ",
        "ca-cert.pem | -----BEGIN CERTIFICATE-----/AAAA/-----END CERTIFICATE-----/ | is no certificate: ",
        "ca-cert.pem | -----BEGIN CERTIFICATE-----/??\u00e4 | is no certificate: ",
        "client-cert.pem | nonsense | is no certificate: ",
        "client-key.pem | -----BEGIN PRIVATE KEY-----/A/-----END PRIVATE KEY-----/ | is no key for the certificate in client-cert.pem: ",
        "client-key.pem | -----BEGIN PRIVATE KEY-----/AAAA/-----END PRIVATE KEY-----/ | is no key for the certificate in client-cert.pem: ",
        "client-key.pem | \u00e4 | is no key in PKCS #8 without a password; ",
        "client-cert.pem | - | Is a directory; it must be a file in PEM form",
        "client-key.pem | - | Is a directory; it must be a file in PEM form",
    })
    void a_file_that_cannot_be_read_is_named_with_the_cause(String name, String content, String words) throws Exception {
        String uri = secure(NbdProcess.nbdkit(directory, "--tls=require", "--tls-certificates=" + ours, "memory", "1M"),
                "tls-certificates=" + strangers);
        Path file = strangers.resolve(name);
        Files.delete(file);
        if (content.equals("-")) {
            Files.createDirectory(file);
        } else {
            Files.writeString(file, content.replace("/", "\n"), StandardCharsets.ISO_8859_1);
        }
        String refusal = refusal(uri);
        assertTrue(refusal.startsWith(uri + ": " + file + ": " + words) && !refusal.contains("\n") && refusal.contains("; "), refusal);
    }

    @Test
    void a_key_of_another_kind_of_certificate_is_told() throws Exception {
        openssl(ours, "genpkey", "-algorithm", "RSA", "-out", "client-key.pem");
        String uri = secure(NbdProcess.nbdkit(directory, "--tls=require", "--tls-certificates=" + ours, "memory", "1M"),
                "tls-certificates=" + ours);
        String refusal = refusal(uri);
        assertTrue(refusal.startsWith(uri + ": " + ours.resolve("client-key.pem") + ": is no key for the certificate in client-cert.pem: "),
                refusal);
    }

    @Test
    void a_server_that_asks_who_we_are_is_told_and_so_is_what_to_do() throws Exception {
        String uri = secure(NbdProcess.nbdkit(directory, "--tls=require", "--tls-verify-peer", "--tls-certificates=" + ours, "memory",
                "1M"), "tls-certificates=" + Files.createDirectory(directory.resolve("few")));
        Files.copy(ours.resolve("ca-cert.pem"), directory.resolve("few/ca-cert.pem"));
        assertEquals(uri + ": the server closes the connection when TLS has begun; if it asks who we are, tls-certificates must name a"
                + " folder with client-cert.pem and client-key.pem", refusal(uri));
        for (String name : List.of("client-cert.pem", "client-key.pem")) {
            Files.copy(strangers.resolve(name), directory.resolve("few").resolve(name));
        }
        assertEquals(uri + ": the server closes the connection when TLS has begun; does it trust "
                + directory.resolve("few/client-cert.pem") + "?", refusal(uri));
    }

    @Test
    void why_a_server_is_not_found_again_is_told() throws Exception {
        String uri = secure(NbdProcess.nbdkit(directory, "--tls=require", "--tls-certificates=" + ours, "memory", "1M"),
                "tls-certificates=" + ours);
        var running = serve(geometry -> new Backends().open(uri, Set.of(), geometry));
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertFalse(disk.flush().await().failed());
        process.kill();
        Path authority = ours.resolve("ca-cert.pem");
        Path kept = Files.move(authority, directory.resolve("kept"));
        Files.copy(strangers.resolve("ca-cert.pem"), authority);
        process.start();
        var read = disk.read(0, BLOCK);
        awaitProblem(running, uri + ": TLS: nobody whom we trust has signed the server's certificate; ");
        Files.delete(authority);
        awaitProblem(running, uri + ": " + authority + ": No such file or directory; ");
        Files.move(kept, authority);
        assertFalse(read.await().failed());
        awaitProblem(running, uri + ": connected again");
    }

    private static void awaitProblem(RunningServer running, String start) throws InterruptedException {
        while (List.copyOf(running.problems).stream().noneMatch(problem -> problem.startsWith(start))) {
            Thread.sleep(5);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "nbd://host/?tls-certificates=/x | 'tls-certificates' belongs to nbds:// or nbds+unix://",
        "nbds://host/?tls-verify-peer=no | 'tls-verify-peer=no' is neither true nor false",
        "nbds://me:secret@host/ | a user name is of use only with pre-shared keys, which are not supported",
        "nbds://host/?tls-psk-file=/x | 'tls-psk-file=/x' is not known",
        "nbds:/// | names no host; it is nbds://HOST[:PORT]/[EXPORT]",
    })
    void URIs_that_are_wrong(String uri, String words) {
        assertEquals(uri.replace("me:secret@", "") + ": " + words, refusal(uri));
    }
}
