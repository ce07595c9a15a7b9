// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Whom to trust, and who we are, as libnbd finds that in a folder: ca-cert.pem, client-cert.pem and client-key.pem.
 *
 * @param folder null for the certificate authorities that Java trusts
 * @param host the name that the server must have; null for any
 * @param verify whether the server has to prove anything at all
 */
record Certificates(String folder, String host, boolean verify) {
    private static final char[] NO_PASSWORD = {};

    /** An engine for one connection, with the certificates as they are now. */
    SSLEngine engine() throws IOException {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(ours(), verify ? theirs() : new TrustManager[] {new Anybody()}, null);
            SSLEngine engine = host == null ? context.createSSLEngine() : context.createSSLEngine(host, -1);
            engine.setUseClientMode(true);
            SSLParameters parameters = engine.getSSLParameters();
            parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
            if (verify && host != null) {
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
            }
            engine.setSSLParameters(parameters);
            return engine;
        } catch (GeneralSecurityException e) {
            throw new IOException((folder == null ? "TLS" : folder) + ": " + Tls.words(e), e);
        }
    }

    /** What to do if a server does not want us. */
    String advice() {
        return hasOurs() ? "does it trust " + Path.of(folder, "client-cert.pem") + "?"
                : "if it asks who we are, tls-certificates must name a folder with client-cert.pem and client-key.pem";
    }

    private boolean hasOurs() {
        return folder != null && Files.exists(Path.of(folder, "client-cert.pem"));
    }

    private TrustManager[] theirs() throws IOException, GeneralSecurityException {
        KeyStore authorities = null;
        if (folder != null) {
            authorities = store();
            int n = 0;
            for (Certificate one : certificates("ca-cert.pem")) {
                authorities.setCertificateEntry("authority " + n++, one);
            }
        }
        var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(authorities);
        return factory.getTrustManagers();
    }

    /** Null if there is no certificate of ours. */
    private KeyManager[] ours() throws IOException, GeneralSecurityException {
        if (!hasOurs()) {
            return null;
        }
        List<Certificate> chain = certificates("client-cert.pem");
        KeyStore keys = store();
        keys.setKeyEntry("client", key("client-key.pem", chain.get(0).getPublicKey().getAlgorithm()), NO_PASSWORD,
                chain.toArray(Certificate[]::new));
        var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(keys, NO_PASSWORD);
        return factory.getKeyManagers();
    }

    private static KeyStore store() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, NO_PASSWORD);
        return store;
    }

    private List<Certificate> certificates(String name) throws IOException {
        byte[] text = read(name);
        String cause = "there is none in PEM form";
        try {
            List<Certificate> found = List.copyOf(CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(text)));
            if (!found.isEmpty()) {
                return found;
            }
        } catch (GeneralSecurityException e) {
            cause = Tls.words(e);
        }
        throw new IOException(Path.of(folder, name) + ": is no certificate: " + cause + "; 'openssl x509 -in FILE' shows one that is");
    }

    private PrivateKey key(String name, String algorithm) throws IOException {
        String text = new String(read(name), StandardCharsets.ISO_8859_1);
        String begin = "-----BEGIN PRIVATE KEY-----";
        int start = text.indexOf(begin);
        int end = text.indexOf("-----END PRIVATE KEY-----");
        Path file = Path.of(folder, name);
        if (start < 0 || end < start) {
            throw new IOException(file + ": is no key in PKCS #8 without a password; 'openssl pkcs8 -topk8 -nocrypt' makes it one");
        }
        try {
            byte[] key = Base64.getMimeDecoder().decode(text.substring(start + begin.length(), end));
            return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(key));
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new IOException(file + ": is no key for the certificate in client-cert.pem: " + Tls.words(e)
                    + "; 'openssl pkey -in FILE' shows whether it is one", e);
        }
    }

    private byte[] read(String name) throws IOException {
        Path file = Path.of(folder, name);
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new IOException(file + ": No such file or directory; tls-certificates names a folder with ca-cert.pem and, if"
                    + " the server asks who we are, client-cert.pem and client-key.pem", e);
        } catch (AccessDeniedException e) {
            throw new IOException(file + ": Permission denied; this user must be allowed to read it", e);
        } catch (FileSystemException e) {
            throw new IOException(file + ": " + e.getReason() + "; it must be a file in PEM form", e);
        } catch (IOException e) {
            throw new IOException(file + ": " + e.getMessage() + "; it must be a file in PEM form", e);
        }
    }

    /** Trusts anybody. */
    private static final class Anybody extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
