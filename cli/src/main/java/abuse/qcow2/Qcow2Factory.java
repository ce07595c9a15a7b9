// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Geometry;
import abuse.backend.Image;
import java.io.IOException;
import java.util.Set;

/** Finds images by their path. Public because the service loader needs it. */
public final class Qcow2Factory implements BackendFactory {
    /** For the service loader. */
    public Qcow2Factory() {}

    @Override
    public String name() {
        return "qcow2";
    }

    @Override
    public String argument() {
        return "PATH";
    }

    /** The whole image is mapped, and would be locked in memory. */
    @Override
    public boolean canBePinned() {
        return false;
    }

    @Override
    public Image look(String path) throws IOException {
        Qcow2Layer image = new Chain(ImageFile::new).open(path, false);
        try (Backend backend = reader(image, 1)) {
            return Image.of(backend, image.header.isBroken() || !image.file.isRegular());
        }
    }

    @Override
    public Backend open(String path, Set<Option> options, Geometry geometry) throws IOException {
        return openWith(path, null, geometry);
    }

    /**
     * Opens an image.
     *
     * @param opened its file, which this takes over; null to open that, too
     */
    @SuppressWarnings("resource") // what is returned is open
    static Backend openWith(String path, ImageFile opened, Geometry geometry) throws IOException {
        Qcow2Layer image = new Chain((file, writable) -> opened != null && file.equals(path) ? opened
                : ImageFile.open(file, writable, geometry.number())).open(path, !geometry.readOnly());
        return geometry.readOnly() ? reader(image, geometry.maxRequest()) : writer(image, geometry.maxRequest());
    }

    private static Backend reader(Qcow2Layer image, int maxRequest) throws IOException {
        try {
            return new Qcow2Backend(image, maxRequest);
        } catch (Throwable e) {
            image.close();
            throw e;
        }
    }

    private static Backend writer(Qcow2Layer image, int maxRequest) throws IOException {
        try {
            return new WritableBackend(image, new Changes(image, Allocator.LARGEST_CHUNK), maxRequest);
        } catch (Throwable e) {
            image.close();
            throw e;
        }
    }
}
