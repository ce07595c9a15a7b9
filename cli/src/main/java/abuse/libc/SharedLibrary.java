// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import com.kenai.jffi.Library;
import java.io.IOException;

/** A native library that need not be installed. It stays loaded. */
public final class SharedLibrary {
    private final Library library;
    private final String name;

    private SharedLibrary(Library library, String name) {
        this.library = library;
        this.name = name;
    }

    /**
     * Loads a library.
     *
     * @param name such as "librbd.so.1"
     * @throws IOException when it cannot be loaded; the message names it
     */
    public static SharedLibrary load(String name) throws IOException {
        Library library = Library.getCachedInstance(name, Library.LAZY);
        if (library == null) {
            throw new IOException(Library.getLastError());
        }
        return new SharedLibrary(library, name);
    }

    /**
     * A function of the library.
     *
     * @throws IOException when the library has no such function
     */
    public NativeFunction function(String symbol, int parameters) throws IOException {
        long address = library.getSymbolAddress(symbol);
        if (address == 0) {
            throw new IOException(name + ": has no " + symbol);
        }
        return new NativeFunction(address, parameters);
    }
}
