// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A file behind https:, which programs of their own read, as whom a program trusts is the same from its start to its end. */
@Tag("packages")
@Timeout(200)
class HttpsTest {
    private static final int SIZE = 1 << 20;
    private static final String PASSWORD = "secret";

    @TempDir
    private Path directory;

    private final byte[] image = new byte[SIZE];
    private HttpsServer web;
    private String url;

    /** Prints what it reads from a URL, in short. */
    public static void main(String[] args) {
        try (Backend backend = new Backends().open(args[0], Set.of(), new Geometry(0, SIZE, 4096, 1 << 20, true))) {
            ByteBuffer data = ByteBuffer.allocateDirect(SIZE);
            backend.read(0, data);
            System.out.println(data.flip().hashCode());
        } catch (IOException e) {
            System.out.println(e.getMessage());
        }
    }

    @BeforeEach
    void startServer() throws Exception {
        new Random(1).nextBytes(image);
        output("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem");
        output("openssl", "pkcs12", "-export", "-in", "cert.pem", "-inkey", "key.pem", "-out", "key.p12", "-passout", "pass:" + PASSWORD);
        output(java("keytool"), "-importcert", "-noprompt", "-file", "cert.pem", "-keystore", "trust.p12", "-storepass", PASSWORD);
        KeyStore keys = KeyStore.getInstance(directory.resolve("key.p12").toFile(), PASSWORD.toCharArray());
        var managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, PASSWORD.toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        web = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        web.setHttpsConfigurator(new HttpsConfigurator(context));
        web.createContext("/", this::answer);
        web.start();
        url = "https://localhost:" + web.getAddress().getPort() + "/";
    }

    @AfterEach
    void endServer() {
        web.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (exchange.getRequestURI().getPath().equals("/away")) {
                FakeWebServer.redirect(exchange, "http://localhost/disk");
                return;
            }
            String[] ends = exchange.getRequestHeaders().getFirst("Range").substring("bytes=".length()).split("-");
            byte[] part = Arrays.copyOfRange(image, Integer.parseInt(ends[0]), Integer.parseInt(ends[1]) + 1);
            exchange.getResponseHeaders().set("Content-Range", "bytes " + ends[0] + "-" + ends[1] + "/" + SIZE);
            exchange.sendResponseHeaders(206, part.length);
            exchange.getResponseBody().write(part);
        }
    }

    private static String java(String program) {
        return Path.of(System.getProperty("java.home"), "bin", program).toString();
    }

    private String output(String... command) throws Exception {
        Process process = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), output);
        return output.strip();
    }

    private String read(String from, String... options) throws Exception {
        var command = new ArrayList<>(List.of(java("java"), "-Xmx128m"));
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", classPath(), HttpsTest.class.getName(), from));
        return output(command.toArray(String[]::new));
    }

    static String classPath() {
        return Path.of("target/classes").toAbsolutePath() + ":" + Path.of("target/test-classes").toAbsolutePath() + ":"
                + Arrays.stream(System.getProperty("java.class.path").split(":")).map(one -> Path.of(one).toAbsolutePath().toString())
                        .reduce("", (one, two) -> one + ":" + two);
    }

    @Test
    void a_server_has_to_prove_who_it_is() throws Exception {
        String[] trust = {"-Djavax.net.ssl.trustStore=" + directory.resolve("trust.p12"), "-Djavax.net.ssl.trustStorePassword=" + PASSWORD};
        assertEquals(Integer.toString(ByteBuffer.wrap(image).hashCode()), read(url, trust));
        assertEquals(url + "away: the server sends us to localhost without TLS, so we do not go there", read(url + "away", trust));
        String stranger = read(url);
        assertTrue(stranger.startsWith(url + ": TLS: "), stranger);
        String other = url.replace("localhost", "127.0.0.1");
        String wrongName = read(other, trust);
        assertTrue(wrongName.startsWith(other + ": TLS: ") && wrongName.contains("127.0.0.1"), wrongName);
    }

    @Test
    void who_is_trusted_must_be_readable() throws Exception {
        Path file = Files.writeString(directory.resolve("broken"), "no key store");
        String broken = read(url, "-Djavax.net.ssl.trustStore=" + file);
        assertTrue(broken.startsWith(url + ": whom Java trusts cannot be read: ") && broken.contains("-Djavax.net.ssl.trustStore"), broken);
        String nobody = read(url, "-Djavax.net.ssl.trustStore=" + directory.resolve("none"));
        assertTrue(nobody.startsWith(url + ": TLS: nobody whom Java trusts has signed the server's certificate; -Djavax.net.ssl.trustStore"), nobody);
    }

    @Test
    void nothing_of_a_client_is_loaded_before_it_is_named() throws Exception {
        Path log = directory.resolve("classes");
        var process = new ProcessBuilder(java("java"), "-Xmx128m", "-Xlog:class+load:file=" + log, "-cp", classPath(), "abuse.Main", "server",
                "0", "frob").redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(2, process.waitFor(), output);
        String classes = Files.readString(log);
        assertTrue(classes.contains(" abuse.http.HttpFactory$Plain "));
        assertFalse(classes.contains("java.net.http."), "a client is loaded");
        assertFalse(classes.contains(" abuse.http.HttpBackend ") || classes.contains(" abuse.http.Web"), "a backend is loaded");
    }
}
