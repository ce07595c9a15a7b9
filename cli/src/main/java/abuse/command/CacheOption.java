// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.Backend;
import abuse.backend.Geometry;
import abuse.backend.Image;
import abuse.cache.CachePlace;
import abuse.cache.CachedBackend;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Mapped;
import abuse.server.CacheLeft;
import abuse.server.Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** --cache: a cache in front of a backend. */
final class CacheOption {
    static final String HELP = "Keep what is read on this block device, or in so much memory, where the kernel itself reads it, in"
            + " pieces of 64K or the SIZE that follows. The disk must be set up with 'mappable', as 'run' does by itself.";

    private static final int USUAL_PIECE = 64 << 10;
    private static final int LEAST_PIECE = 4096;
    private static final int MOST_PIECE = 1 << 20;
    private static final String PIECE = ",piece=";

    private final Context context;
    private final CachePlace place;
    private volatile CachedBackend cache;

    private CacheOption(Context context, CachePlace place) {
        this.context = context;
        this.place = place;
    }

    /** Reads DEVICE or SIZE, with a size of the pieces. */
    static CacheOption parse(Context context, String value) throws UsageException, IOException {
        int comma = value.lastIndexOf(PIECE);
        String where = comma < 0 ? value : value.substring(0, comma);
        long piece = comma < 0 ? USUAL_PIECE : Sizes.bytes("--cache: piece=", value.substring(comma + PIECE.length()));
        if (piece < LEAST_PIECE || piece > MOST_PIECE || Long.bitCount(piece) != 1) {
            throw new UsageException("--cache: piece=" + value.substring(comma + PIECE.length())
                    + " is not a power of two from 4K to 1M");
        }
        int key = where.lastIndexOf(',');
        if (key >= 0 && where.indexOf('=', key) > 0 && !Files.exists(Path.of(where))) {
            throw new UsageException("--cache: unknown key '" + where.substring(key + 1) + "'; there is only piece=SIZE");
        }
        if (where.contains("/")) {
            if (DeviceName.number(DeviceName.path(where)) != null) {
                throw new UsageException("--cache=" + where + " is a device of abuse, and a cache must be another one");
            }
            if (Files.isDirectory(Path.of(where))) {
                throw new UsageException("--cache=" + where + " is a directory, and not a block device");
            }
            if (Files.exists(Path.of(where)) && !Image.isBlockDevice(where)) {
                throw new UsageException("--cache=" + where + " is not a block device; for a file, 'losetup -f --show " + where
                        + "' makes one of it");
            }
            return new CacheOption(context, new CachePlace(where, 0, (int) piece));
        }
        long size = size(where);
        if (size < CachePlace.LEAST_PIECES * piece) {
            throw new UsageException("--cache=" + where + " is less than " + CachePlace.LEAST_PIECES + " pieces of "
                    + Sizes.exact(piece) + "; add piece=SIZE for smaller ones");
        }
        return new CacheOption(context, new CachePlace(null, size, (int) piece));
    }

    private static long size(String where) throws UsageException {
        try {
            return Sizes.bytes("--cache=", where);
        } catch (UsageException e) {
            if (!where.isEmpty() && Files.exists(Path.of(where))) {
                throw new UsageException("--cache=" + where + " is not a size; the path of a block device has a /, as in ./" + where);
            }
            throw e;
        }
    }

    /** What is served, in words. */
    String text(String backend) {
        return backend + ", cached " + (place.device() != null ? "on " + place.device() : "in " + Sizes.shortest(place.size()));
    }

    /** Opens a backend, and puts the cache in front of it. */
    Backend open(String path, Server.BackendOpener opener, Geometry geometry) throws IOException {
        try (Device device = context.devices.open(path)) {
            if (!device.status().flags().contains(Flag.MAPPABLE)) {
                throw new IOException(path + ": was set up without 'mappable', so no cache can be used; set it up with 'mappable' after"
                        + " 'abusectl reset " + path + "', or leave out --cache");
            }
            if (geometry.blockSize() > place.piece()) {
                throw new IOException(path + ": has blocks of " + geometry.blockSize() + " bytes, which is more than a piece of the cache; add piece="
                        + Sizes.shortest(geometry.blockSize()));
            }
            if (!CacheLeft.isAll(device)) {
                throw new IOException(path + ": parts of the disk are mapped already, and a cache must know of all; try 'abusectl unmap "
                        + path + "' first");
            }
        }
        Backend backend = opener.open(geometry.unmapped());
        try {
            cache = new CachedBackend(backend, place, geometry);
        } catch (RuntimeException | Error e) {
            backend.close();
            throw e;
        }
        return cache;
    }

    /** Says what the cache has done so far. */
    void tell(String path) {
        CachedBackend now = cache;
        if (now == null) {
            return;
        }
        try (Device device = context.devices.open(path)) {
            Mapped mapped = device.status().mapped();
            context.complain(path + ": " + now.counters() + "; " + mapped.reads() + " reads of " + Sizes.brief(mapped.readBytes())
                    + " by the kernel");
        } catch (DeviceException e) {
            context.complain(path + ": " + now.counters());
        }
    }
}
