// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.BackendFactory.Option;
import abuse.backend.Backends;
import abuse.backend.Words;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;

/** What a user asks of a backend, for one that is named later. */
record BackendOptions(boolean create, boolean direct, boolean shared, boolean pin) {
    private static final String QCOW2 = "qcow2:";

    /** Fails unless a word is the name of a backend. */
    static void check(Backends backends, String backend) throws UsageException {
        if (backends.isName(backend)) {
            return;
        }
        if (backends.words().contains(backend)) {
            throw new UsageException("'" + backend + "' is not all of a backend; it is " + backends.label(backend + "?"));
        }
        String near = Similar.to(backend.replaceFirst(":.*", ":"), backends.words());
        boolean isFile = near.isEmpty() && Files.exists(Path.of(backend)) && !Files.isDirectory(Path.of(backend));
        throw new UsageException("'" + backends.shown(backend) + "' is not a backend; there are " + backends.names()
                + (isFile ? "; did you mean 'file:" + backend + "'?" : near));
    }

    /** The options to open a backend with; fails if it has no use for one that only backends know. */
    Set<Option> of(Backends backends, String backend) throws UsageException {
        var options = EnumSet.noneOf(Option.class);
        if (shared && backends.knows(backend, Option.SHARED)) {
            options.add(Option.SHARED);
        }
        if (create) {
            add(options, "--create", Option.CREATE, backends, backend);
        }
        if (direct) {
            add(options, "--direct", Option.DIRECT, backends, backend);
        }
        if (pin) {
            if (!backends.canBePinned(backend)) {
                throw new UsageException("--pin is not possible with " + backends.label(backend)
                        + ", as it would lock all of the image in memory");
            }
            // The page cache is bypassed, too: its writeback may wait for memory, and so for the disk, while it holds locks
            for (Option option : new Option[] {Option.PINNED, Option.DIRECT}) {
                if (backends.knows(backend, option)) {
                    options.add(option);
                }
            }
        }
        return options;
    }

    private static void add(Set<Option> options, String name, Option option, Backends backends, String backend)
            throws UsageException {
        if (!backends.knows(backend, option)) {
            throw new UsageException(name + " is valid only with " + backends.namesWith(option) + (option != Option.CREATE || !backend.startsWith(QCOW2) ? ""
                    : "; 'qemu-img create -f qcow2 " + Words.escaped(backend.substring(QCOW2.length())) + " SIZE' makes the image"));
        }
        options.add(option);
    }
}
