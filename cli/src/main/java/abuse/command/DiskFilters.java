// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.Backend;
import abuse.backend.Geometry;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Status;
import abuse.filter.FilteredBackend;
import abuse.filter.Filters;
import abuse.server.ControlSocket;
import abuse.server.Server;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** What a disk has between its users and its backend, as its server was told to begin with. */
final class DiskFilters {
    /** Loads the filters that there are, when somebody asks for one. */
    interface Loader {
        Filters load() throws FailedException;
    }

    private final Context context;
    private final boolean control;
    private final boolean shared;
    /** Null if there are none, and none can be added. */
    private final Filters known;
    private final FilterOption.Source source;
    private List<FilterOption> given;
    /** Whether what is mapped is a cache's, of what has passed the filters. */
    private boolean cached;
    private boolean opened;
    private volatile ControlSocket socket;

    /**
     * Reads them.
     *
     * @param path of the control node; null if the disk is new
     * @param texts as they were typed; null for none
     * @param control whether others may be added later
     * @param shared whether another server may serve the disk, too
     */
    DiskFilters(Context context, String path, Loader loader, List<String> texts, boolean control, boolean shared)
            throws UsageException, FailedException, IOException {
        this.context = context;
        this.control = control;
        this.shared = shared;
        if (control && shared) {
            throw new UsageException("--control and --shared exclude each other: with --control no other server may serve the disk;"
                    + " use --filter instead of --control");
        }
        known = texts != null || control ? loader.load() : null;
        source = new FilterOption.Source(known, "--filter ", null, path == null ? file -> false : onDisk(context, path));
        given = FilterOption.parse(texts == null ? List.of() : texts, source);
        for (FilterOption option : given) {
            String conflict = shared ? FilteredBackend.conflict(option.filter()) : null;
            if (conflict != null) {
                throw new UsageException("--filter " + option.name() + ": " + conflict + "; --shared does not go with it");
            }
        }
    }

    /** Has a cache in front of them, which knows nothing of what they do later. */
    void cached() throws UsageException {
        cached = true;
        for (FilterOption option : given) {
            String conflict = FilteredBackend.cacheConflict(option.filter());
            if (conflict != null) {
                throw new UsageException("--filter " + option.name() + ": " + conflict + "; --cache does not go with it");
            }
        }
    }

    /** Whether a file lies on the disk of a control node. */
    static Predicate<Path> onDisk(Context context, String path) {
        return file -> {
            try (Device device = context.devices.open(path)) {
                Status status = device.status();
                return status.isSetUp() && context.devices.holds(status, file);
            } catch (DeviceException e) {
                // There is no disk yet; what is wrong with the device, its server will say
                return false;
            }
        };
    }

    /** Whether requests pass filters, or may do so later. */
    boolean arePossible() {
        return known != null;
    }

    /** What is served, in words. */
    String text(String backend) {
        return given.isEmpty() ? backend
                : backend + " through " + given.stream().map(FilterOption::name).collect(Collectors.joining(", "));
    }

    /** Opens a backend, behind the filters if there are any. */
    Backend open(String path, Server.BackendOpener opener, Geometry geometry) throws IOException {
        if (known == null) {
            return opener.open(geometry);
        }
        try (Device device = context.devices.open(path)) {
            if (!cached && device.status().flags().contains(Flag.MAPPABLE) && !device.extents().isEmpty()) {
                throw new IOException(path + ": parts of the disk are mapped, and requests for these would pass no filter;"
                        + " try 'abusectl unmap " + path + "' first");
            }
        }
        // First, as it may fail often, and those that were not used then are used at the next try
        Backend base = opener.open(geometry.unmapped());
        try {
            renew();
        } catch (IOException | RuntimeException | Error e) {
            base.close();
            throw e;
        }
        var backend = new FilteredBackend(base, given.stream().map(FilterOption::filter).toList(), geometry, context.bytesErr);
        if (control) {
            backend.alone();
        }
        if (shared) {
            backend.shared();
        }
        socket = new ControlSocket(FilterControl.path(context, geometry.number()),
                new FilterControl(context, path, known, given, backend, cached), problem -> {
                    // Who did not ask for it need not hear that there is none
                    if (control) {
                        context.complain(path + ": " + problem);
                    }
                });
        return backend.onClose(socket::close);
    }

    /** A disk that is served again begins with the filters that it began with. */
    private void renew() throws IOException {
        if (opened) {
            try {
                given = FilterOption.again(given, source);
            } catch (UsageException e) {
                throw new IOException(e.getMessage(), e);
            }
        }
        opened = true;
    }

    /** Lets them be changed from now on, when requests are answered, as nobody waits for that. */
    void ready() {
        if (socket != null) {
            socket.start();
        }
    }
}
