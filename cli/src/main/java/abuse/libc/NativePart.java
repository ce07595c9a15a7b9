// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static java.nio.file.attribute.PosixFilePermission.OWNER_EXECUTE;
import static java.nio.file.attribute.PosixFilePermission.OWNER_READ;
import static java.nio.file.attribute.PosixFilePermission.OWNER_WRITE;

import com.kenai.jffi.Invoker;
import com.kenai.jffi.MemoryIO;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.lang.reflect.InaccessibleObjectException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import jnr.ffi.LibraryLoader;

/**
 * Finds JNR's native library: in the folder that the launcher names, or else unpacked into the first folder that can
 * be written to and executed from. JNR itself would try only the one for temporary files.
 */
public final class NativePart {
    private static final String FOLDER = "jffi.boot.library.path";
    private static final String FILE = "libjffi-1.2.so";

    static {
        File file = new File(System.getProperty(FOLDER, ""), FILE);
        if (!file.exists() || !isLoaded(file)) {
            unpack();
        }
    }

    private NativePart() {}

    static Invoker invoker() {
        return Invoker.getInstance();
    }

    static MemoryIO memory() {
        return MemoryIO.getInstance();
    }

    static <T> T library(Class<T> type) {
        return LibraryLoader.create(type).load("libc.so.6");
    }

    /** Copies the library for this machine into a folder. */
    public static Path copyTo(Path folder) throws IOException {
        String resource = "jni/" + System.getProperty("os.arch").replace("amd64", "x86_64") + "-Linux/" + FILE;
        Path file = folder.resolve(FILE);
        // Not by the class, which knows only its own module
        try (InputStream library = NativePart.class.getClassLoader().getResourceAsStream(resource)) {
            if (library == null) {
                throw new IOException("no /" + resource + " in the jar");
            }
            // Whoever starts meanwhile finds the old one or the new one
            Path part = folder.resolve(FILE + ".part");
            try {
                Files.copy(library, part, StandardCopyOption.REPLACE_EXISTING);
                Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(part);
            }
        }
        return file;
    }

    /** Loads the library from the first folder that allows it, and leaves nothing behind. */
    private static void unpack() {
        var reasons = new ArrayList<String>();
        var folders = new LinkedHashSet<>(Arrays.asList(System.getProperty("java.io.tmpdir"), System.getenv("XDG_RUNTIME_DIR"),
                "/dev/shm", "/var/tmp", System.getenv("HOME")));
        folders.remove(null);
        for (String folder : folders) {
            try {
                load(Path.of(folder));
                return;
            } catch (IOException | UnsatisfiedLinkError e) {
                reasons.add(folder + ": " + e.getMessage());
            }
        }
        throw new UnsatisfiedLinkError("no folder to execute JNR's library from (" + String.join("; ", reasons)
                + "); 'abusectl --archive' puts it beside the program for good");
    }

    private static boolean isLoaded(File file) {
        try {
            load(file);
            return true;
        } catch (UnsatisfiedLinkError e) {
            return false;
        }
    }

    /** JNR's own loader logs what it does, for which Java looks through the class path: a third of the start of a server. */
    private static void load(File file) {
        System.load(file.getAbsolutePath());
        try {
            Field loaded = Class.forName("com.kenai.jffi.Init").getDeclaredField("loaded");
            loaded.setAccessible(true);
            loaded.setBoolean(null, true);
        } catch (ReflectiveOperationException | InaccessibleObjectException e) {
            // Then JNR loads it once more
        }
    }

    private static void load(Path folder) throws IOException {
        // Java's own temporary names come from SecureRandom, which takes a tenth of a start
        Path own = Files.createDirectory(folder.resolve("abusectl" + Long.toHexString(System.nanoTime())),
                PosixFilePermissions.asFileAttribute(EnumSet.of(OWNER_READ, OWNER_WRITE, OWNER_EXECUTE)));
        Path file = own.resolve(FILE);
        try {
            load(copyTo(own).toFile());
            // JNR looks for its library once, so this comes before its first use
            System.setProperty(FOLDER, own.toString());
            Invoker.getInstance();
        } finally {
            Files.deleteIfExists(file);
            Files.delete(own);
        }
    }
}
