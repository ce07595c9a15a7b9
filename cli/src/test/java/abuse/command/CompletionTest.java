// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The completions in the real bash, zsh and fish, on a terminal, with device nodes in a directory of the test. */
@Timeout(600)
class CompletionTest {
    private static final Path COMPLETIONS = Path.of("../completions").toAbsolutePath();
    private static final String PROMPT = "ready> ";

    /** What is typed after abusectl and before the tab, and the words that it is then called with; ~ is the directory. */
    private static final String[][] UNIQUE = {
        {"inf", "info"},
        {"--vers", "--version"},
        {"list --noh", "list", "--noheadings"},
        {"reset ~/dev/abctl7", "reset", "~/dev/abctl77"},
        {"info --json ~/dev/abuse", "info", "--json", "~/dev/abuse77"},
        {"setup ~/dev/abctl8 sz=1M,blo", "setup", "~/dev/abctl8", "sz=1M,blocksize="},
        {"setup sz=1M disc", "setup", "sz=1M", "discard"},
        {"setup sz=1M,bs=512,rec", "setup", "sz=1M,bs=512,reconnect"},
        {"server nu", "server", "null"},
        {"server ~/dev/abctl8 file:~/im", "server", "~/dev/abctl8", "file:~/image"},
        {"run sz=1M me", "run", "sz=1M", "mem"},
        {"run sz=1M file:~/im", "run", "sz=1M", "file:~/image"},
        {"server ~/dev/abctl8 file:~/my", "server", "~/dev/abctl8", "file:~/my disk.img"},
        {"run qcow2:~/im", "run", "qcow2:~/image"},
        {"run cow:~/my\\ disk.img,keep=~/im", "run", "cow:~/my disk.img,keep=~/image"},
        {"run sz=1M file:~/one", "run", "sz=1M", "file:~/one folder"},
        {"run sz=1M file:~/one\\ folder/in", "run", "sz=1M", "file:~/one folder/in it"},
        {"run sz=1M 'file:~/my d", "run", "sz=1M", "file:~/my disk.img"},
        {"run sz=1M file:'~/my d", "run", "sz=1M", "file:~/my disk.img"},
        {"put --data ~/im", "put", "--data", "~/image"},
        {"put --data=~/im", "put", "--data=~/image"},
        {"put --data ~/my\\ d", "put", "--data", "~/my disk.img"},
        {"put --data=~/my", "put", "--data=~/my disk.img"},
        {"put --data ~/my\\ disk.img --fail med", "put", "--data", "~/my disk.img", "--fail", "media"},
        {"run --cache 1G me", "run", "--cache", "1G", "mem"},
        {"run --cache ~/one", "run", "--cache", "~/one folder"},
        {"map 0 0 8M ~/one", "map", "0", "0", "8M", "~/one folder"},
        {"crashes ~/image --work ~/one", "crashes", "~/image", "--work", "~/one folder"},
        {"setup --owner roo", "setup", "--owner", "root"},
        {"help inf", "help", "info"},
        {"list -o +MR,REDEL", "list", "-o", "+MR,REDELIVERED"},
        {"list -o +REDEL", "list", "-o", "+REDELIVERED"},
        {"put --fail med", "put", "--fail", "media"},
        {"replay ~/im", "replay", "~/image"},
        {"replay ~/image --onto ~/my", "replay", "~/image", "--onto", "~/my disk.img"},
        {"crashes ~/image --base ~/my", "crashes", "~/image", "--base", "~/my disk.img"},
        {"replay -o ENTRY,MA", "replay", "-o", "ENTRY,MARK"},
        {"filter rem", "filter", "remove"},
        {"filter ~/dev/abctl8 cu", "filter", "~/dev/abctl8", "cut"},
        {"filter -o NAME,MAT", "filter", "-o", "NAME,MATCHED"},
        {"servers -o PID,OLD", "servers", "-o", "PID,OLDEST"},
        {"requests --output=OPER", "requests", "--output=OPERATION"},
        {"list -o SIZE,REDEL", "list", "-o", "SIZE,REDELIVERED"},
        {"list --output=SIZE,REDEL", "list", "--output=SIZE,REDELIVERED"}};

    @TempDir
    private Path directory;

    private final StringBuilder screen = new StringBuilder();
    private Process shell;

    @BeforeEach
    void makeFiles() throws IOException {
        Files.createDirectory(directory.resolve("dev"));
        Files.createDirectory(directory.resolve("one folder"));
        for (String file : List.of("dev/abctl77", "dev/abctl8", "dev/abuse77", "dev/abuse77p1", "image", "my disk.img", "one folder/in it", "calls")) {
            Files.createFile(directory.resolve(file));
        }
        for (String file : List.of("abusectl.bash", "_abusectl", "abusectl.fish")) {
            Files.writeString(directory.resolve(file),
                    Files.readString(COMPLETIONS.resolve(file)).replace("/dev/ab", directory + "/dev/ab"));
        }
        // Shows how it was called; java, which is found in PATH, must not be called at all
        script("abusectl", "echo call >>" + directory + "/calls; echo \"called:$(printf ' <%s>' \"$@\"):\"");
        script("java", "echo java >>" + directory + "/calls");
        Files.writeString(directory.resolve(".bashrc"), "PS1='" + PROMPT + "'\nstty cols 1000\n"
                + "for setting in 'show-all-if-ambiguous on' 'bell-style none' 'page-completions off'"
                + " 'enable-bracketed-paste off' 'completion-query-items 0'; do bind \"set $setting\"; done\n"
                + ". " + directory + "/abusectl.bash\n");
        Files.writeString(directory.resolve(".zshrc"), "PS1='" + PROMPT + "'\nstty cols 1000\nunset zle_bracketed_paste\n"
                + "LISTMAX=1000\nfpath=(" + directory + " $fpath)\nautoload -Uz compinit\ncompinit -u -D\n"
                + "setopt no_beep no_prompt_cr no_always_last_prompt\n");
    }

    private void script(String name, String text) throws IOException {
        Path path = Files.writeString(directory.resolve(name), "#!/bin/sh\n" + text + "\n");
        assertTrue(path.toFile().setExecutable(true));
    }

    private Process start(String command) throws IOException {
        var builder = new ProcessBuilder("script", "-qfec", command, "/dev/null").redirectErrorStream(true);
        builder.environment().put("PATH", directory + ":" + System.getenv("PATH"));
        builder.environment().put("ZDOTDIR", directory.toString());
        builder.environment().put("TERM", "xterm");
        builder.environment().put("LC_ALL", "C.UTF-8");
        return builder.start();
    }

    /** Waits until the screen shows something, and removes that and everything before it. */
    private Matcher await(String pattern) throws Exception {
        long end = System.nanoTime() + 300_000_000_000L;
        byte[] bytes = new byte[65536];
        while (true) {
            Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(screen.toString());
            if (matcher.find()) {
                screen.delete(0, matcher.end());
                return matcher;
            }
            assertTrue(System.nanoTime() < end && shell.isAlive(), "no " + pattern + " on the screen: " + screen);
            if (shell.getInputStream().available() > 0) {
                screen.append(new String(bytes, 0, shell.getInputStream().read(bytes), UTF_8));
            } else {
                Thread.sleep(10);
            }
        }
    }

    private void type(String keys) throws IOException {
        shell.getOutputStream().write(keys.replace("~", directory.toString()).getBytes(UTF_8));
        shell.getOutputStream().flush();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bash --noprofile --rcfile @/.bashrc -i", "zsh -i"})
    void a_tab_completes_what_is_unique_and_lists_what_is_not(String command) throws Exception {
        shell = start(command.replace("@", directory.toString()));
        try {
            await(PROMPT);
            for (String[] line : UNIQUE) {
                type("abusectl " + line[0] + "\t\n");
                String called = await("called: ([^\r\n]*):\r?\n").group(1);
                await(PROMPT);
                String expected = String.join(" ", Arrays.stream(line).skip(1)
                        .map(word -> "<" + word.replace("~", directory.toString()) + ">").toList());
                // After a folder zsh removes the slash again
                assertEquals(expected, called.replace("/>", ">"), "abusectl " + line[0]);
            }
            assertEquals(new TreeSet<>(Model.words("COMMAND")), listed("abusectl ", "[a-z]+"));
            assertEquals(new TreeSet<>(List.of("abctl77", "abctl8")), listed("abusectl trace ~/dev/abctl", "\\S*(abctl\\d+)"));
            assertEquals(new TreeSet<>(Model.words("COLUMNS")), listed("abusectl list -o ", "[A-Z][A-Z0-9]+"));
            assertEquals(UNIQUE.length, Files.readAllLines(directory.resolve("calls")).size());
        } finally {
            shell.destroy();
        }
    }

    /** The words in the list that a tab shows which match a pattern. */
    private TreeSet<String> listed(String typed, String word) throws Exception {
        type(typed + "\t");
        // The prompt is repeated below the list
        String list = await("\n(.*?)" + PROMPT).group(1);
        type("\u0015\n");
        await(PROMPT);
        return Pattern.compile("(?<=\\s)" + word + "(?=\\s)").matcher(("\n" + list).replaceAll("\u001b\\[[0-9;?]*[A-Za-z]|(?m) +-- .*$", " ")).results()
                .map(found -> found.group(found.groupCount())).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void fish_completes() throws Exception {
        for (String[] line : UNIQUE) {
            String typed = line[0].replace("~", directory.toString());
            String last = line[line.length - 1].replace("~", directory.toString());
            List<String> words = fish(typed);
            assertTrue(words.contains(last) || words.contains(last + "/"), "abusectl " + typed + ": " + words);
        }
        assertTrue(fish("").containsAll(Model.words("COMMAND")));
        String whole = "Makes a disk, or changes it";
        assertTrue(Files.readString(COMPLETIONS.resolve("abusectl.fish")).contains(" -a setup -d '" + whole + "'"));
        assertTrue(Files.readString(COMPLETIONS.resolve("_abusectl")).contains("'setup:" + whole + "'"));
        assertEquals(new TreeSet<>(List.of(directory + "/dev/abctl77", directory + "/dev/abctl8")),
                new TreeSet<>(fish("trace " + directory + "/dev/abctl")));
        // While no device is set up, there are control nodes only
        Files.delete(directory.resolve("dev/abuse77"));
        Files.delete(directory.resolve("dev/abuse77p1"));
        assertEquals(2, fish("trace " + directory + "/dev/abctl").size());
        assertEquals(List.of(), Files.readAllLines(directory.resolve("calls")));
    }

    private List<String> fish(String typed) throws Exception {
        Path keys = Files.writeString(directory.resolve("keys"), "abusectl " + typed);
        Process fish = start("fish --no-config -c 'source " + directory + "/abusectl.fish; complete -C (cat " + keys + " | string collect)'");
        String out = new String(fish.getInputStream().readAllBytes(), UTF_8);
        assertEquals(0, fish.waitFor(), out);
        return out.lines().map(line -> line.replaceAll("\t.*", "").strip()).filter(line -> !line.isEmpty()).toList();
    }
}
