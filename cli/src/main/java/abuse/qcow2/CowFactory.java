// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static abuse.libc.Terminal.printable;

import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.backend.Image;
import abuse.backend.Urls;
import abuse.backend.Words;
import abuse.libc.FileSync;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes an image on top of another one, which stays as it is. Public because the service loader needs it.
 */
public final class CowFactory implements BackendFactory {
    private static final Pattern ARGUMENT = Pattern.compile("(?:(file|qcow2):)?(.+?)(?:,keep=(.+))?", Pattern.DOTALL);
    private static final String KEEP = ",keep=";
    private static final long SECTOR = 512;

    private final Qcow2Factory images = new Qcow2Factory();
    /** Where overlays are that are thrown away. */
    private final Path temporary;

    /** For the service loader. */
    public CowFactory() {
        this(Path.of(System.getenv().getOrDefault("TMPDIR", "/var/tmp")));
    }

    CowFactory(Path temporary) {
        this.temporary = temporary;
    }

    @Override
    public String name() {
        return "cow";
    }

    @Override
    public String argument() {
        return "BASE[,keep=PATH]";
    }

    @Override
    public boolean canBePinned() {
        return images.canBePinned();
    }

    @Override
    public Image look(String argument) throws IOException {
        var overlay = Overlay.of(argument);
        if (!overlay.exists()) {
            Image base = new Backends().look(Overlay.words(overlay.base.toString(), overlay.format));
            return base == null ? null : new Image(overlay.size, base.format(), 1, false, true, true);
        }
        overlay.checkKept();
        return images.look(overlay.kept.toString());
    }

    @Override
    public Backend open(String argument, Set<Option> options, Geometry geometry) throws IOException {
        var overlay = Overlay.of(argument);
        if (geometry.capacity() < overlay.size) {
            throw new IOException(overlay.base + ": holds " + overlay.size + " bytes, and the disk has only " + geometry.capacity());
        }
        if (overlay.kept == null) {
            return overlay.throwAway(temporary, geometry);
        }
        if (!overlay.exists()) {
            overlay.keep(geometry.capacity());
        }
        overlay.checkKept();
        return images.open(overlay.kept.toString(), options, geometry);
    }

    /** Gives a file another name; false if that is taken. */
    private static boolean takeName(Path from, Path to) throws IOException {
        try {
            Files.createLink(to, from);
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } catch (FileSystemException | UnsupportedOperationException e) {
            // Some filesystems have no hard links
            return rename(from, to);
        }
    }

    /** The same without a hard link: an empty file reserves the name, as a rename would replace what somebody else has put there. */
    static boolean rename(Path from, Path to) throws IOException {
        try {
            Files.createFile(to);
        } catch (FileAlreadyExistsException e) {
            return false;
        }
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (IOException e) {
            Files.delete(to);
            throw e;
        }
    }

    /**
     * What the argument says.
     *
     * @param size how long the disk is that it begins as
     * @param kept null for one that is thrown away
     */
    private record Overlay(Path base, String format, long size, Path kept) {
        static Overlay of(String argument) throws IOException {
            Matcher matcher = ARGUMENT.matcher(argument);
            if (!matcher.matches()) {
                throw new IOException("cow: takes the path of an image");
            }
            if (matcher.group(3) != null && matcher.group(3).contains(KEEP)) {
                throw new IOException(matcher.group(2) + ": has more than one ,keep=");
            }
            try {
                Path base = Path.of(matcher.group(2)).toRealPath();
                String format = "qcow2".equals(matcher.group(1)) ? "qcow2" : "raw";
                try (var file = new ImageFile(base.toString(), false)) {
                    // Whoever writes such a disk could make it look like an image that reads any file
                    if (matcher.group(1) == null && Header.isThere(file)) {
                        throw new IOException(base + ": begins as a qcow2 image does; 'cow:qcow2:" + base + "' takes it for one, and 'cow:file:"
                                + base + "' for the disk itself");
                    }
                    long size = format.equals("qcow2") ? Header.read(file, Hints.ofBase(base.toString())).size() : file.size() + SECTOR - 1 & -SECTOR;
                    return new Overlay(base, format, size, matcher.group(3) == null ? null : Path.of(matcher.group(3)).toAbsolutePath());
                }
            } catch (FileSystemException e) {
                String name = matcher.group(2);
                if (name.endsWith(KEEP)) {
                    throw new IOException(Urls.shownIn(name) + ": keep= needs a path", e);
                }
                // It may be meant as something that is served otherwise, or have a mistake behind it
                throw new IOException(Urls.shownIn(name) + ": " + reason(e) + (name.matches("(?s).*[:,].*")
                        ? "; BASE is a path, or file:PATH or qcow2:PATH, and only ,keep=PATH may follow" : ""), e);
            }
        }

        boolean exists() {
            return kept != null && Files.exists(kept);
        }

        /** Opens one that loses its name at once, so that nothing of it stays, whatever ends its process. */
        Backend throwAway(Path folder, Geometry geometry) throws IOException {
            Path path = create(folder);
            ImageFile file;
            try {
                file = ImageFile.open(path.toString(), true, geometry.number());
            } finally {
                Files.delete(path);
            }
            try {
                file.makeTemporary();
                NewImage.write(file, geometry.capacity(), base.toString(), format);
            } catch (IOException | RuntimeException | Error e) {
                file.close();
                throw e;
            }
            return Qcow2Factory.openWith(path.toString(), file, geometry);
        }

        /** It gets its name when it is whole, and if nothing else has got that before. */
        void keep(long size) throws IOException {
            Path folder = kept.getParent();
            Path path = make(folder, size);
            try {
                if (!takeName(path, kept)) {
                    return;
                }
            } finally {
                Files.deleteIfExists(path);
            }
            int fd = Unix.open(folder.toString(), Unix.O_RDONLY | Unix.O_CLOEXEC);
            if (fd < 0) {
                throw new IOException(folder + ": " + Unix.strerror(Unix.errno()));
            }
            try {
                new FileSync(fd, folder.toString()).run();
            } finally {
                Unix.close(fd);
            }
        }

        private static String reason(FileSystemException e) {
            return e instanceof NoSuchFileException ? "No such file or directory"
                    : e instanceof AccessDeniedException ? "Permission denied" : e.getReason();
        }

        private static Path create(Path folder) throws IOException {
            try {
                return Files.createTempFile(folder, "abuse", ".qcow2");
            } catch (FileSystemException e) {
                throw new IOException(folder + ": no overlay can be made there: " + reason(e), e);
            }
        }

        private Path make(Path folder, long size) throws IOException {
            Path path = create(folder);
            try (var file = new ImageFile(path.toString(), true)) {
                NewImage.write(file, size, base.toString(), format);
                return path;
            } catch (IOException | RuntimeException | Error e) {
                Files.delete(path);
                throw e;
            }
        }

        /** Whoever names another base than the image has would not find what it expects. */
        void checkKept() throws IOException {
            try (var file = new ImageFile(kept.toString(), false)) {
                if (file.size() == 0) {
                    // As a rename leaves it that never came to its end
                    throw new IOException(kept + ": is empty, so it is not an overlay; remove it, unless another server is just making it");
                }
                if (isBase(kept)) {
                    throw new IOException(kept + ": keep= names the base itself; name another file");
                }
                if (!Header.isThere(file)) {
                    throw new IOException(kept + ": is there already and is no overlay; name a file that is not there yet");
                }
                Header header = Header.read(file, Hints.ofDisk(kept.toString()));
                String name = header.backingFile();
                if (name != null && !Files.exists(kept.resolveSibling(name))) {
                    String moved = "; if it has moved, 'qemu-img rebase -u -F " + format + " -b " + Words.escaped(printable(base.toString())) + " "
                            + Words.escaped(printable(kept.toString())) + "' tells the overlay";
                    throw new IOException(kept + ": is an overlay of " + words(name, header.backingFormat()) + ", which is not there"
                            + (format.equals(header.backingFormat()) ? moved : ""));
                }
                if (name == null || !isBase(kept.resolveSibling(name)) || !format.equals(header.backingFormat())) {
                    throw new IOException(kept + ": is not an overlay of " + words(base.toString(), format) + (name == null ? ""
                            : " but of " + words(name, header.backingFormat())) + "; 'qcow2:" + kept + "' serves it as it is");
                }
            }
        }

        private static String words(String base, String format) {
            return ("qcow2".equals(format) ? "qcow2:" : "file:") + base;
        }

        private boolean isBase(Path other) throws IOException {
            return Files.exists(other) && Files.isSameFile(other, base);
        }
    }
}
