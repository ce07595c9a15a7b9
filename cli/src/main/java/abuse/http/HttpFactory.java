// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Geometry;
import abuse.backend.Image;
import abuse.backend.ImageFormat;
import java.io.IOException;
import java.util.Set;

/** Finds files on web servers by their URL. A public part is what the service loader needs; it loads no client yet. */
public abstract class HttpFactory implements BackendFactory {
    /** A disk has one of these sizes of blocks at least. */
    private static final int SECTOR = 512;

    private final String scheme;

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
        return WebFile.withoutUser(scheme + ":" + argument).substring(scheme.length() + 1);
    }

    @Override
    public Image look(String argument) throws IOException {
        return new Image(Web.look(file(argument)).size(), ImageFormat.UNSEEN, SECTOR, true, false, false);
    }

    @Override
    public Backend open(String argument, Set<Option> options, Geometry geometry) throws IOException {
        WebFile file = file(argument);
        if (!geometry.readOnly()) {
            throw new IOException(file.text() + ": is read-only; set up with ro");
        }
        return new HttpBackend(file, Web.look(file));
    }

    private WebFile file(String argument) throws IOException {
        return WebFile.parse(scheme + ":" + argument);
    }
}
