// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Geometry;
import abuse.backend.Image;
import java.io.IOException;
import java.util.Set;

/** Finds network block devices by their URI. A public part is what the service loader needs. */
public abstract class NbdFactory implements BackendFactory {
    private final String scheme;
    private final String form;
    /** What {@link #look} found, with its connection, as some servers end with the first one that they lose. */
    private Looked looked;

    private record Looked(String argument, Handshake.Result result) {}

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
    public Image look(String argument) {
        try {
            if (looked == null || !looked.argument.equals(argument)) {
                looked = new Looked(argument, NbdBackend.connect(NbdUri.parse(scheme + ":" + argument)));
            }
            Export export = looked.result.export();
            return new Image(NbdBackend.sizeOf(export), null, export.minimum(), export.readOnly());
        } catch (IOException e) {
            // The attempt to open it tells why
            return null;
        }
    }

    @Override
    public Backend open(String argument, Set<Option> options, Geometry geometry) throws IOException {
        NbdUri uri = NbdUri.parse(scheme + ":" + argument);
        Handshake.Result first = looked != null && looked.argument.equals(argument) ? looked.result : NbdBackend.connect(uri);
        looked = null;
        return new NbdBackend(uri, first, geometry);
    }
}
