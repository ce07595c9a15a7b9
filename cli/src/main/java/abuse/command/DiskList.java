// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.BackendFactory.Option;
import abuse.backend.Backends;
import abuse.backend.Words;
import abuse.device.FileErrors;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/**
 * The file of 'server --all': a disk in each line.
 *
 * @param name of the file, for messages
 */
record DiskList(String name, List<Disk> disks) {
    private static final String SETUP = "setup=";
    private static final String FILTER = "--filter";

    /**
     * What a line asks for.
     *
     * @param path of the control node
     * @param setup what to set it up with first; null to wait until somebody else does
     */
    record Disk(String path, String backend, Set<Option> options, boolean shared, SetupKeys setup, DiskFilters filters) {}

    /** Reads a file, or standard input if it is named "-"; fails at the first line that is wrong. */
    static DiskList read(String file, Context context, Backends backends, boolean pinned, DiskFilters.Loader filters)
            throws IOException, UsageException, FailedException {
        boolean standardInput = file.equals("-");
        String name = standardInput ? "standard input" : file;
        String text;
        try {
            text = new String(standardInput ? context.in.readAllBytes() : Files.readAllBytes(Path.of(file)), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IOException((standardInput ? "" : "--all=") + name + ": " + FileErrors.words(e), e);
        }
        var disks = new ArrayList<Disk>();
        var lines = new HashMap<String, Integer>();
        int number = 0;
        for (String line : text.lines().toList()) {
            number++;
            try {
                if (line.indexOf('\uFFFD') >= 0) {
                    throw new UsageException("this is not UTF-8; a file with such a name needs a link with another name");
                }
                List<String> words = Words.split(line, true);
                if (words.isEmpty()) {
                    continue;
                }
                Disk disk = parse(words, context, backends, pinned, filters);
                Integer before = lines.putIfAbsent(disk.path, number);
                if (before != null) {
                    throw new UsageException(disk.path + " is in line " + before + " already");
                }
                disks.add(disk);
            } catch (UsageException | IllegalArgumentException e) {
                throw new UsageException(name + ":" + number + ": " + e.getMessage(), e instanceof UsageException wrong ? wrong.more() : null);
            }
        }
        if (disks.isEmpty()) {
            throw new UsageException(name + ": there is no disk in it");
        }
        return new DiskList(name, disks);
    }

    private static Disk parse(List<String> words, Context context, Backends backends, boolean pinned, DiskFilters.Loader loader)
            throws UsageException, FailedException, IOException {
        if (!DeviceName.isOne(words.get(0))) {
            throw new UsageException("'" + backends.shown(words.get(0)) + "' is not a device, such as /dev/abctlN, /dev/abuseN, abctlN, abuseN or N");
        }
        if (words.size() < 2) {
            throw new UsageException("there is no backend after '" + words.get(0) + "'");
        }
        String backend = words.get(1);
        BackendOptions.check(backends, backend);
        boolean create = false;
        boolean direct = false;
        boolean shared = false;
        boolean control = false;
        SetupKeys setup = null;
        var filters = new ArrayList<String>();
        for (Iterator<String> i = words.subList(2, words.size()).iterator(); i.hasNext();) {
            String word = i.next();
            if (word.startsWith(FILTER + "=")) {
                filters.add(word.substring(FILTER.length() + 1));
                continue;
            }
            if (word.startsWith(SETUP)) {
                if (setup != null) {
                    throw new UsageException("there is more than one " + SETUP);
                }
                setup = setup(word.substring(SETUP.length()));
                continue;
            }
            switch (word) {
                case "--create" -> create = true;
                case "--direct" -> direct = true;
                case "--shared" -> shared = true;
                case "--control" -> control = true;
                case FILTER -> {
                    if (!i.hasNext()) {
                        throw new UsageException("there is no filter after " + FILTER);
                    }
                    filters.add(i.next());
                }
                default -> throw new UsageException("'" + backends.shown(word) + "' is neither --create, --direct, --shared, --control, --filter FILTER nor "
                        + SETUP + "KEYS");
            }
        }
        Set<Option> options = new BackendOptions(create, direct, shared, pinned).of(backends, backend);
        String path = DeviceName.path(words.get(0));
        return new Disk(path, backend, options, shared, setup,
                new DiskFilters(context, path, loader, filters.isEmpty() ? null : filters, control, shared));
    }

    /** A disk that is set up already is kept, with its requests, as abuse@.service does it. */
    private static SetupKeys setup(String keys) throws UsageException {
        var setup = new SetupKeys(List.of(keys, "reconnect"));
        if (setup.isAutoremove()) {
            throw new UsageException("'autoremove' would take the disk away as soon as it is set up");
        }
        setup.config(null);
        return setup;
    }
}
