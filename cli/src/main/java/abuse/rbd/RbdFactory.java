// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Geometry;
import abuse.backend.Image;
import java.io.IOException;
import java.util.Set;

/** Finds images of Ceph. It is public for the service loader, and loads nothing of Ceph yet. */
public final class RbdFactory implements BackendFactory {
    @Override
    public String name() {
        return "rbd";
    }

    @Override
    public String argument() {
        return "POOL/IMAGE";
    }

    @Override
    public Set<Option> options() {
        return Set.of(Option.DEADLINE);
    }

    @Override
    public Image look(String argument) throws IOException {
        RbdName name = RbdName.parse(argument);
        try (Backend image = RbdBackend.open(name, true)) {
            return Image.of(image, name.snapshot() != null);
        }
    }

    @Override
    public Backend open(String argument, Set<Option> options, Geometry geometry) throws IOException {
        return RbdBackend.open(RbdName.parse(argument), geometry.readOnly());
    }
}
