// SPDX-License-Identifier: Apache-2.0
import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Geometry;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.Set;

/** A read-only disk that is a file on a web server: http://HOST/PATH. */
public final class HttpBackend implements Backend, BackendFactory {
    private URL url;

    @Override
    public String name() {
        return "http";
    }

    @Override
    public String argument() {
        return "//HOST/PATH";
    }

    @Override
    public Backend open(String argument, Set<Option> options, Geometry geometry) throws IOException {
        var backend = new HttpBackend();
        backend.url = new URL("http:" + argument);
        return backend;
    }

    @Override
    public String identity() {
        return "http " + url;
    }

    @Override
    public long size() {
        try {
            return url.openConnection().getContentLengthLong();
        } catch (IOException e) {
            return 0;
        }
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        var connection = (HttpURLConnection) url.openConnection();
        connection.setRequestProperty("Range", "bytes=" + offset + "-" + (offset + into.remaining() - 1));
        if (connection.getResponseCode() != HttpURLConnection.HTTP_PARTIAL) {
            throw new IOException(url + ": " + connection.getResponseMessage());
        }
        try (var body = Channels.newChannel(connection.getInputStream())) {
            while (into.hasRemaining() && body.read(into) >= 0) { }
        }
    }

    @Override
    public void write(long offset, ByteBuffer from) throws IOException {
        throw new IOException(url + ": read-only");
    }
}
