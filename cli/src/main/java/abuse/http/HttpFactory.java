// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Geometry;
import abuse.backend.Image;
import abuse.backend.Urls;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Finds files on web servers by their URL. A public part is what the service loader needs; it loads no client yet. */
public abstract class HttpFactory implements BackendFactory {
    /** How long a server may take when there is no disk yet. */
    private static final long LIMIT_NS = 30_000_000_000L;
    /** Bytes that tell the format of most images. */
    private static final int START = 36 << 10;
    /** Bytes that tell what a file is like; of one byte 'busybox httpd' would send the whole file. */
    private static final int LEAST = 512;

    private final String scheme;
    /** What {@link #look} found, until it is opened. */
    private final Map<String, Looked> looked = new ConcurrentHashMap<>();

    private record Looked(Image image, Version version) {}

    /** http. */
    public static final class Plain extends HttpFactory {
        public Plain() {
            super("http");
        }
    }

    /** https. */
    public static final class Secure extends HttpFactory {
        public Secure() {
            super("https");
        }
    }

    private HttpFactory(String scheme) {
        this.scheme = scheme;
    }

    @Override
    public String name() {
        return scheme;
    }

    @Override
    public String argument() {
        return "//HOST/PATH";
    }

    @Override
    public Set<Option> options() {
        return Set.of(Option.DEADLINE);
    }

    @Override
    public String shown(String argument) {
        return Urls.shown(scheme + ":" + argument).substring(scheme.length() + 1);
    }

    @Override
    public Image look(String argument) throws IOException {
        Looked found = looked.get(argument);
        if (found == null) {
            WebFile file = file(argument);
            Web.Part start = Web.read(file, 0, START, LIMIT_NS);
            found = new Looked(Image.of(new Preview(file, start), true), start.version());
            looked.put(argument, found);
        }
        return found.image;
    }

    @Override
    public Backend open(String argument, Set<Option> options, Geometry geometry) throws IOException {
        Looked found = looked.remove(argument);
        WebFile file = file(argument);
        if (!geometry.readOnly()) {
            throw new IOException(file.text() + ": is read-only; set up with ro");
        }
        return new HttpBackend(file, found != null ? found.version : Web.read(file, 0, LEAST, LIMIT_NS).version());
    }

    private WebFile file(String argument) throws IOException {
        return WebFile.parse(scheme + ":" + argument);
    }

    /** A file of which the start was read, before there is its disk. */
    private record Preview(WebFile file, Web.Part start) implements Backend {
        @Override
        public long size() {
            return start.version().size();
        }

        @Override
        public void read(long offset, ByteBuffer into) throws IOException {
            if (offset + into.remaining() <= start.bytes().limit()) {
                into.put(start.bytes().slice((int) offset, into.remaining()));
                return;
            }
            Web.Part part = Web.read(file, offset, into.remaining(), LIMIT_NS);
            if (!part.version().isOf(start.version())) {
                throw new IOException(file.text() + ": is changed just now");
            }
            into.put(part.bytes());
        }

        @Override
        public void write(long offset, ByteBuffer from) {
            throw new UnsupportedOperationException();
        }
    }
}
