// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.BackendFactory;
import abuse.backend.Backends;
import abuse.filter.FilterFactory;
import abuse.filter.Filters;
import abuse.http.HttpFactory;
import abuse.nbd.NbdFactory;
import abuse.qcow2.CowFactory;
import abuse.qcow2.Qcow2Factory;
import abuse.rbd.RbdFactory;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** The backends and filters of the program and of jars. */
final class Plugins {
    private final List<String> jars;
    private final ClassLoader loader;

    /** Knows the classes of the jars, too. The loader is never closed, as they may load classes at any time. */
    @SuppressWarnings("resource")
    Plugins(List<String> jars) throws FailedException, IOException {
        this.jars = jars;
        var urls = new ArrayList<URL>();
        for (String jar : jars) {
            if (!Files.isReadable(Path.of(jar))) {
                throw new FailedException("--plugin=" + jar + (Files.exists(Path.of(jar)) ? ": Permission denied" : ": No such file or directory"));
            }
            URL url = Path.of(jar).toUri().toURL();
            check(jar, url);
            urls.add(url);
        }
        loader = urls.isEmpty() ? Backends.class.getClassLoader()
                : new URLClassLoader(urls.toArray(URL[]::new), Backends.class.getClassLoader());
    }

    /** The same as without a name for each, but to look for them would open the jar, for a third of the start of a server. */
    static Backends own() {
        return new Backends(List.of(new Qcow2Factory(), new CowFactory(), new NbdFactory.Tcp(), new NbdFactory.UnixSocket(),
                new NbdFactory.TlsTcp(), new NbdFactory.TlsUnixSocket(), new NbdFactory.Exec(), new RbdFactory(),
                new HttpFactory.Plain(), new HttpFactory.Secure()));
    }

    Backends backends() throws FailedException {
        try {
            return jars.isEmpty() ? own() : new Backends(loader);
        } catch (ServiceConfigurationError | LinkageError e) {
            throw broken(e);
        }
    }

    Filters filters() throws FailedException {
        try {
            return new Filters(loader);
        } catch (ServiceConfigurationError | LinkageError e) {
            throw broken(e);
        }
    }

    /** What the jars bring, with its help: backends, then filters and their keys. */
    Map<String, String> help() throws FailedException {
        Map<String, String> help = backends().helpOf(loader);
        for (FilterFactory filter : filters().all()) {
            if (filter.getClass().getClassLoader() == loader) {
                help.put("--filter " + filter.name(), filter.help());
                filter.keys().forEach(key -> help.put("  " + filter.name() + ":" + key.form(), key.help()));
            }
        }
        return help;
    }

    private FailedException broken(Throwable e) {
        return new FailedException((jars.isEmpty() ? "" : String.join(", ", jars) + ": ") + e.getMessage(), e);
    }

    /** Fails if a jar has neither a backend nor a filter, which the service loader would not report. */
    private static void check(String jar, URL url) throws IOException, FailedException {
        if (Files.isRegularFile(Path.of(jar))) {
            try (var archive = new ZipFile(jar)) {
                archive.size();
            } catch (ZipException e) {
                throw new FailedException(jar + ": is not a jar: " + e.getMessage(), e);
            }
        }
        String services = "META-INF/services/";
        try (var own = new URLClassLoader(new URL[] {url}, null)) {
            if (own.findResource(services + BackendFactory.class.getName()) == null
                    && own.findResource(services + FilterFactory.class.getName()) == null) {
                throw new FailedException(jar + ": has no backend, as it has no " + services + BackendFactory.class.getName()
                        + ", and no filter either");
            }
        }
    }
}
