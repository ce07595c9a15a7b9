// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Geometry;
import abuse.backend.Image;
import abuse.backend.Urls;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Finds network block devices by their URI. A public part is what the service loader needs. */
public abstract class NbdFactory implements BackendFactory {
    private final String scheme;
    private final String form;
    /** What {@link #look} found and opened, as some servers end with the first connection that they lose. */
    private final Map<String, Looked> looked = new ConcurrentHashMap<>();

    private record Looked(NbdBackend backend, Image image) {}

    /** nbd, over TCP. */
    public static final class Tcp extends NbdFactory {
        public Tcp() {
            super("nbd", "//HOST/EXPORT");
        }
    }

    /** nbd+unix. */
    public static final class UnixSocket extends NbdFactory {
        public UnixSocket() {
            super("nbd+unix", "///EXPORT?socket=PATH");
        }
    }

    /** nbds, which is nbd with TLS. */
    public static final class TlsTcp extends NbdFactory {
        public TlsTcp() {
            super("nbds", "//HOST/EXPORT");
        }
    }

    /** nbds+unix. */
    public static final class TlsUnixSocket extends NbdFactory {
        public TlsUnixSocket() {
            super("nbds+unix", "///EXPORT?socket=PATH");
        }
    }

    /** A server of our own. */
    public static final class Exec extends NbdFactory {
        public Exec() {
            super("nbd-exec", "COMMAND");
        }

        @Override
        public String shown(String command) {
            return Urls.shownIn(command);
        }

        @Override
        Target target(String text) throws IOException {
            String command = text.substring(name().length() + 1);
            return new Target(new PrivateServer(name() + ":" + shown(command), command));
        }
    }

    private NbdFactory(String scheme, String form) {
        this.scheme = scheme;
        this.form = form;
    }

    @Override
    public String name() {
        return scheme;
    }

    @Override
    public String argument() {
        return form;
    }

    @Override
    public Set<Option> options() {
        return Set.of(Option.DEADLINE);
    }

    @Override
    public String shown(String argument) {
        return NbdUri.shown(scheme + ":" + argument).substring(scheme.length() + 1);
    }

    @Override
    public Image look(String argument) throws IOException {
        Looked found = looked.get(argument);
        if (found == null) {
            NbdBackend backend = connect(argument);
            try {
                found = new Looked(backend, Preview.of(backend));
            } catch (Throwable e) {
                backend.close();
                throw e;
            }
            // Disks that are opened at once may look for the same
            if (looked.putIfAbsent(argument, found) != null) {
                backend.close();
            }
        }
        return found.image;
    }

    @Override
    @SuppressWarnings("resource") // what is returned is open
    public Backend open(String argument, Set<Option> options, Geometry geometry) throws IOException {
        Looked found = looked.remove(argument);
        NbdBackend backend = found == null ? connect(argument) : found.backend;
        try {
            backend.become(geometry);
            return backend;
        } catch (Throwable e) {
            backend.close();
            throw e;
        }
    }

    /** Where a text leads. */
    Target target(String text) throws IOException {
        return new Target(NbdUri.parse(text));
    }

    private NbdBackend connect(String argument) throws IOException {
        Target target = target(scheme + ":" + argument);
        Handshake.Result first;
        try {
            first = target.connect();
        } catch (IOException | RuntimeException | Error e) {
            target.close();
            throw e;
        }
        return new NbdBackend(target, first);
    }
}
