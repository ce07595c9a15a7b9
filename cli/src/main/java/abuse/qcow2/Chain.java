// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static abuse.libc.Terminal.printable;

import abuse.backend.Image;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Pattern;

/** Opens an image and its backing files, which may have backing files of their own. */
final class Chain {
    private static final Pattern PROTOCOL = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*:.*", Pattern.DOTALL);
    private static final String FILE = "file:";

    private final Opener opener;
    private final Set<Object> files = new HashSet<>();
    private String top;

    /** How a file is opened. */
    interface Opener {
        ImageFile open(String path, boolean writable) throws IOException;
    }

    Chain(Opener opener) {
        this.opener = opener;
    }

    /** Opens an image with all that is below it; closing it closes all. */
    @SuppressWarnings("resource") // the layer closes it
    Qcow2Layer open(String path, boolean writable) throws IOException {
        top = path;
        return image(path, openFile(path, writable), Hints.ofDisk(path));
    }

    private ImageFile openFile(String path, boolean writable) throws IOException {
        ImageFile file = opener.open(path, writable);
        try {
            refuseLoop(path, file.key());
            files.add(file.key());
            return file;
        } catch (IOException | RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private ImageFile openBacking(String path) throws IOException {
        Path found = Path.of(path);
        if (Files.exists(found)) {
            // Before it is opened, which is all that some devices wait for
            if (!Files.isRegularFile(found) && !Image.isBlockDevice(path)) {
                throw new IOException(printable(path) + ": is neither a file nor a block device, and so no backing file");
            }
            // And before it is locked, or the one that has it locked is this server
            refuseLoop(path, Files.readAttributes(found, BasicFileAttributes.class).fileKey());
        }
        return openFile(path, false);
    }

    private void refuseLoop(String path, Object key) throws IOException {
        if (files.contains(key)) {
            throw new IOException(printable(path) + ": the image is its own backing file");
        }
    }

    /** Takes over the file. */
    private Qcow2Layer image(String path, ImageFile file, Hints hints) throws IOException {
        Layer below = null;
        try {
            Header header = Header.read(file, hints);
            below = header.backingFile() == null ? null : backing(path, header);
            file.map(mappedSize(file, header));
            return new Qcow2Layer(file, header, below);
        } catch (IOException | RuntimeException | Error e) {
            if (below != null) {
                below.close();
            }
            file.close();
            throw e;
        }
    }

    private Layer backing(String path, Header header) throws IOException {
        String name = header.backingFile();
        String format = header.backingFormat();
        if (format != null && !format.equals("raw") && !format.equals("qcow2")) {
            throw new IOException(printable(path) + ": its backing file has the format " + printable(format) + "; only raw and qcow2 are known");
        }
        String next = resolve(path, name, format);
        ImageFile file = openBacking(next);
        if ("qcow2".equals(format)) {
            return image(next, file, Hints.ofBacking(name, path, top));
        }
        try {
            // Whoever writes such a disk could make it look like an image that reads any file
            if (format == null && Header.isThere(file)) {
                throw new IOException(printable(path) + ": does not say which format its backing file has; '" + Hints.rebase(name, "qcow2", path)
                        + "' sets it");
            }
            return new RawLayer(file);
        } catch (IOException | RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private static String resolve(String path, String name, String format) throws IOException {
        String plain = name.startsWith(FILE) ? name.substring(FILE.length()) : name;
        if (PROTOCOL.matcher(plain).matches()) {
            throw new IOException(printable(path) + ": its backing file '" + printable(name)
                    + "' is not a path, which is all that this backend can follow");
        }
        if (plain.length() < name.length() && !plain.startsWith("/")) {
            throw new IOException(printable(path) + ": its backing file '" + printable(name) + "' would be sought in the current folder of qemu; '"
                    + Hints.rebase(plain, format == null ? "raw" : format, path) + "' makes it relative to the image");
        }
        try {
            return Path.of(path).resolveSibling(plain).toString();
        } catch (InvalidPathException e) {
            throw new IOException(printable(path) + ": its backing file has a name that cannot be: " + e.getReason(), e);
        }
    }

    /** Room for an image that gets a place for each cluster of the disk; what goes beyond has no address. */
    private static long mappedSize(ImageFile file, Header header) {
        return file.writable ? file.size() + header.size() + (header.size() >> 4) + (1 << 28) : file.size();
    }
}
