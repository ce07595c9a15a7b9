// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.crash.CrashRun;
import abuse.crash.CrashWalk;
import abuse.writelog.Storage;
import abuse.writelog.WriteLog;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The states that power cuts leave, as a shell command sees them. */
class CrashesTest extends CommandTestBase {
    /** The first letters of the image's sectors. */
    private static final String LETTERS = "sed -E 's/(.)\\1{511}/\\1/g' {}";

    private Path log;
    private Path base;
    private Path seen;

    @BeforeEach
    void makeFiles() throws Exception {
        log = directory.resolve("log");
        base = directory.resolve("base");
        seen = directory.resolve("seen");
        byte[] dots = new byte[4 * LogFile.SECTOR];
        Arrays.fill(dots, (byte) '.');
        Files.write(base, dots);
    }

    private String[] words(String check, String... more) {
        var words = new ArrayList<>(List.of("crashes", log.toString(), "--base", base.toString(), "--check", check, "--work", directory.toString()));
        words.addAll(List.of(more));
        return words.toArray(String[]::new);
    }

    /** Names and contents of all states, in their order. */
    private List<String> states(String... more) throws Exception {
        Files.deleteIfExists(seen);
        var words = new ArrayList<>(List.of(more));
        words.add("--jobs=1");
        succeed(words("echo $ABUSECTL_STATE $(" + LETTERS + ") $ABUSECTL_MARK >>" + seen, words.toArray(String[]::new)));
        return Files.readAllLines(seen);
    }

    @Test
    void all_states_are_seen_and_no_others() throws Exception {
        new LogFile().write(0, 'a').write(1, 'b').flush().mark("m").add(2, 1, LogFile.FUA, "", 'c').write(3, 'd').write(0, 'e').flush().store(log);
        assertEquals(List.of("start ....", "1 ab..", "1-0 .b..", "1-1 a...", "3 ab.. m", "6 ebcd m", "6-5 ebc. m", "6-6 abcd m", "6-5,6 abc. m"), states());
    }

    @Test
    void a_write_with_fua_is_there_from_its_place_on() throws Exception {
        new LogFile().write(0, 'a').add(1, 1, LogFile.FUA, "", 'b').write(2, 'c').store(log);
        assertEquals(List.of("start ....", "0 a...", "2 abc.", "2-0 .bc.", "2-2 ab..", "2-0,2 .b.."), states());
    }

    @Test
    void writes_are_torn() throws Exception {
        new LogFile().add(0, 2, 0, "", 'a').flush().add(2, 2, LogFile.FUA, "", 'b').store(log);
        assertEquals(List.of("start ....", "0 aa..", "0~0:1 a...", "0~2:1 aab.", "2 aabb"), states());
    }

    @Test
    void of_too_many_some_are_seen() throws Exception {
        var file = new LogFile();
        for (int i = 0; i < 6; i++) {
            file.write(i % 4, 'a' + i);
        }
        file.store(log);
        List<String> some = states("--most=18");
        assertEquals(18, some.size());
        assertEquals(18, new TreeSet<>(some).size(), some.toString());
        assertEquals("start ....", some.get(0));
        assertEquals("5 efcd", some.get(1));
        assertEquals("5-0 efcd", some.get(2));
        assertTrue(some.contains("5-0..+3 ...d"), some.toString());
        assertEquals(some, states("--most=18"));
        assertTrue(!some.equals(states("--most=18", "--seed=2")));
        assertEquals(some.subList(15, 18), states("--most=18", "--from", some.get(15).split(" ")[0]));
    }

    @Test
    void all_of_as_many_as_are_allowed_are_seen() throws Exception {
        var file = new LogFile();
        for (int i = 0; i < 4; i++) {
            file.write(i % 4, 'a' + i);
        }
        file.store(log);
        assertEquals(16, new TreeSet<>(states("--most=16")).size());
        assertEquals(15, states("--most=15").size());
    }

    @Test
    void a_state_that_is_bad_is_told_with_the_shortest_log_that_is() throws Exception {
        new LogFile().write(3, 'x').flush().write(0, 'a').write(1, 'b').mark("done").write(2, 'c').store(log);
        // The second one must not be there without the first one
        String check = "x=$(" + LETTERS + "); case $x in .b*) echo bad $x; exit 3; esac";
        Outcome outcome = run(words(check, "--jobs=1"));
        assertEquals(log + ": a state is bad; add --keep FILE to keep an image of it", error(outcome));
        assertEquals("""
                state: 3-2
                last: 3
                lost: 2
                smallest: 3-2
                status: 3
                | bad .b.x
                """, outcome.out().replaceFirst("[0-9]+ states, 1 bad, [0-9.]+ per second\n$", ""));
        outcome = run(words(check, "--json", "--keep-going"));
        assertTrue(outcome.out().contains("\"state\": \"5-2,5\""), outcome.out());
        String json = outcome.out().replaceAll("\\s", "");
        assertTrue(json.contains("\"state\":\"3-2\",\"last\":3,\"lost\":[2],\"early\":[],\"torn\":null,\"mark\":null,"
                + "\"smallest\":{\"state\":\"3-2\",\"last\":3,\"lost\":[2],\"early\":[],\"torn\":null},\"status\":3,\"hung\":false,\"output\":\"bad.b.x\\u000a\"}"), outcome.out());
        assertTrue(json.startsWith("{\"states\":13,\"left_out\":0,"), outcome.out());
        assertTrue(outcome.out().contains("\"mark\": \"done\""), outcome.out());
    }

    @Test
    void what_a_check_writes_is_gone_for_the_next_one() throws Exception {
        var file = new LogFile();
        for (int i = 0; i < 8; i++) {
            file.write(i % 4, 'a' + i).flush();
        }
        file.store(log);
        byte[] before = Files.readAllBytes(base);
        List<String> expected = states();
        String write = "printf '!!!!' | dd of={} bs=512 seek=1 conv=notrunc status=none; ";
        for (String change : List.of(write + "truncate -s 700 {}", write + "touch -d @946684800 {}", "rm {}", "cp {} {}.new; mv {}.new {}; " + write)) {
            Files.delete(seen);
            succeed(words("echo $ABUSECTL_STATE $(" + LETTERS + ") $ABUSECTL_MARK >>" + seen + "; " + change, "--jobs=1"));
            assertEquals(expected, Files.readAllLines(seen), change);
        }
        assertArrayEquals(before, Files.readAllBytes(base));
        try (var files = Files.list(directory)) {
            assertEquals(List.of("base", "log", "seen"), files.map(path -> path.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void what_a_check_writes_through_a_mapping_is_gone_for_the_next_one() throws Exception {
        var file = new LogFile();
        for (int i = 0; i < 8; i++) {
            file.write(i % 2, 'a' + i).flush();
        }
        file.store(log);
        Path folder = Files.createTempDirectory(Path.of("/dev/shm"), "crashes");
        var third = new TreeSet<Byte>();
        try (var record = new WriteLog(log.toString()); Storage image = Storage.toRead(base.toString())) {
            new CrashRun(record, new CrashWalk(record.entries(), record.sectorSize(), 64, 1), -1, (state, path) -> {
                try (var channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                    var bytes = channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size());
                    third.add(bytes.get(2 * LogFile.SECTOR));
                    bytes.put(2 * LogFile.SECTOR, (byte) '!');
                }
                return null;
            }, false).run(image, folder, 1);
        } finally {
            Files.delete(folder);
        }
        assertEquals(Set.of((byte) '.'), third);
    }

    @Test
    void an_image_with_holes_is_copied_without_them() throws Exception {
        try (var file = new RandomAccessFile(base.toFile(), "rw")) {
            file.setLength(6L << 30);
            file.seek((5L << 30) + 512);
            file.write('x');
        }
        new LogFile().write(3L << 21, 'a').store(log);
        succeed(words("dd if={} bs=512 skip=$((3 << 21)) count=1 status=none | tr -d '\\0' | head -c 1 >>" + seen
                + "; dd if={} bs=512 skip=$((5 << 21)) count=2 status=none | tr -d '\\0' >>" + seen + "; test $(du -m {} | cut -f1) -lt 100", "--jobs=1"));
        assertEquals("xax", Files.readString(seen));
    }

    @Test
    void a_discard_takes_no_room() throws Exception {
        try (var file = new RandomAccessFile(base.toFile(), "rw")) {
            file.setLength(6L << 30);
        }
        new LogFile().add(0, 5 << 21, LogFile.DISCARD, "", 0).write(1, 'a').flush().store(log);
        succeed(words("test $(du -m {} | cut -f1) -lt 100", "--jobs=1"));
    }

    @Test
    void a_walk_that_is_stopped_goes_on_later() throws Exception {
        var file = new LogFile();
        for (int i = 0; i < 5; i++) {
            file.write(0, 'a' + i).flush();
        }
        file.store(log);
        Running running = start(words(": {}; echo $ABUSECTL_STATE >>" + seen + "; test -e " + directory.resolve("go") + " || exec sleep 600", "--jobs=1"));
        running.await(() -> Files.exists(seen) && sizeOf(seen) > 1);
        running.signal();
        Outcome outcome = running.end();
        assertEquals(log + ": stopped; --from start goes on", error(outcome));
        Files.createFile(directory.resolve("go"));
        assertEquals(5, states("--from", "0").size());
        assertEquals(List.of("8 e..."), states("--from", "8"));
    }

    @Test
    void a_bad_state_is_told_though_a_smaller_one_is_still_sought() throws Exception {
        new LogFile().write(0, 'a').write(1, 'b').store(log);
        Running running = start(words(": {}; test $ABUSECTL_STATE = start && exit; test -e " + seen + ".found && { : >" + seen + "; exec sleep 600; }; : >" + seen + ".found; exit 1", "--jobs=1"));
        running.await(() -> Files.exists(seen));
        running.signal();
        Outcome outcome = running.end();
        assertEquals(log + ": a state is bad; add --keep FILE to keep an image of it", error(outcome));
        assertTrue(outcome.out().startsWith("state: 1\nlast: 1\nsmallest: 1\nstatus: 1\n2 states, 1 bad, "), outcome.out());
    }

    @Test
    void a_bad_state_is_told_though_a_later_one_cannot_be_checked() throws Exception {
        new LogFile().write(0, 'a').flush().write(1, 'b').flush().store(log);
        Outcome outcome = run(words(": {}; case $ABUSECTL_STATE in 0) exit 1;; 2) exit 127; esac", "--jobs=1", "--keep-going"));
        assertEquals("--check cannot be run: its exit status is 127", error(outcome));
        assertTrue(outcome.out().startsWith("state: 0\nlast: 0\nsmallest: 0\nstatus: 1\n2 states, 1 bad, "), outcome.out());
    }

    @Test
    void a_check_that_hangs_is_killed_with_its_children() throws Exception {
        new LogFile().write(0, 'a').store(log);
        Outcome outcome = run(words("x=$(" + LETTERS + "); case $x in a*) echo hangs; sh -c 'sleep 6000; :'; exit 0; esac", "--jobs=1", "--timeout=30"));
        assertTrue(outcome.out().startsWith("state: 0\nlast: 0\nsmallest: 0\nhung: true\n| hangs\n2 states, 1 bad, "), outcome.out());
        succeed(words("true {}", "--timeout=forever"));
        assertEquals("crashes: --timeout=0 must be more than 0", misuse(words("true {}", "--timeout=0")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "env -i "})
    void a_check_that_hangs_is_killed_with_what_has_left_it(String alone) throws Exception {
        new LogFile().write(0, 'a').store(log);
        Path left = directory.resolve("left");
        // On a busy machine it may be killed before it has begun
        for (int seconds = 5; !Files.exists(left) || Files.size(left) == 0; seconds *= 2) {
            run(words(": {}; " + alone + "setsid -f sh -c 'echo $$ >" + left + "; exec sleep 6000'; exec sleep 6000", "--jobs=1",
                    "--timeout=" + seconds));
        }
        long number = Long.parseLong(Files.readString(left).strip());
        for (long end = System.nanoTime() + 60_000_000_000L; ProcessHandle.of(number).isPresent();) {
            assertTrue(System.nanoTime() < end, number + " is still there");
            Thread.sleep(10);
        }
    }

    @Test
    void the_path_may_be_in_quotes() throws Exception {
        new LogFile().write(0, 'a').store(log);
        succeed(words("test -f \"{}\" && test -f '{}'", "--jobs=1"));
        Path odd = Files.createDirectory(directory.resolve("a b"));
        assertEquals(odd + ": has a character in its name that a shell does not take as it is; name another folder with --work",
                fail("crashes", log.toString(), "--base", base.toString(), "--check", "true {}", "--work", odd.toString()));
    }

    @Test
    void a_record_that_was_cut_is_told() throws Exception {
        new LogFile().write(0, 'a').store(log);
        try (var file = new RandomAccessFile(log.toFile(), "rw")) {
            file.seek(32);
            file.write(1);
        }
        String told = "abusectl: " + log + ": ends where it could not be written, as when there is no room; what came later is not in it\n";
        assertEquals(told, run(words("true {}")).err());
        assertEquals(told, run("replay", log.toString()).err());
    }

    @Test
    void what_a_check_leaves_elsewhere_is_told() throws Exception {
        new LogFile().write(0, 'a').store(log);
        Outcome outcome = run(words(": >\"$(dirname {})\"/../left", "--jobs=1"));
        assertEquals(0, outcome.exitCode());
        assertTrue(outcome.err().matches("abusectl: " + directory + "/abusectl-crashes[0-9]+: stays, as something else is in it\n"), outcome.err());
    }

    @Test
    void a_long_name_is_cut() throws Exception {
        var file = new LogFile();
        for (int i = 0; i < 250; i++) {
            file.write(i % 4, 'a' + i % 20);
        }
        file.store(log);
        var names = new ArrayList<String>();
        try (var record = new WriteLog(log.toString())) {
            new CrashWalk(record.entries(), record.sectorSize(), 600, 1).forEachRemaining(state -> names.add(state.name(record.entries())));
        }
        assertEquals(600, new TreeSet<>(names).size());
        assertTrue(names.stream().allMatch(name -> name.length() < 210), names.toString());
        assertTrue(names.get(590).matches("249-#[0-9a-f]+"), names.get(590));
        assertEquals(names.subList(598, 600), states("--most=600", "--from", names.get(598)).stream().map(line -> line.split(" ")[0]).toList());
    }

    private static long sizeOf(Path file) {
        return file.toFile().length();
    }

    @Test
    void a_mark_says_where_to_begin() throws Exception {
        new LogFile().write(0, 'a').flush().write(1, 'b').mark("m").flush().write(2, 'c').store(log);
        assertEquals(List.of("3 ab.. m", "3-2 a... m", "5 abc. m"), states("--from-mark", "m"));
    }

    @Test
    void a_smaller_state_is_not_before_the_mark_to_begin_with() throws Exception {
        new LogFile().write(0, 'a').mark("m").write(1, 'b').store(log);
        Outcome outcome = run(words("test $ABUSECTL_MARK = n || grep -q none {}", "--from-mark=m", "--jobs=1"));
        assertTrue(outcome.out().startsWith("state: 2\nlast: 2\nmark: m\nsmallest: 1\nstatus: 1\n"), outcome.out());
    }

    @Test
    void a_mark_is_a_step_of_its_own() throws Exception {
        // Nothing makes the write durable that the mark counts on, and only later something else is flushed
        new LogFile().write(0, 'a').mark("a").write(1, 'b').mark("b").flush().store(log);
        assertEquals(List.of("start ....", "0 a...", "2 ab.. a", "2-0 .b.. a", "2-2 a... a", "2-0,2 .... a", "3 ab.. b", "3-0 .b.. b", "3-2 a... b",
                "3-0,2 .... b"), states());
    }

    @Test
    void the_image_itself_is_the_first_state() throws Exception {
        new LogFile().add(0, 1, LogFile.FUA, "", 'a').mark("m").store(log);
        assertEquals(List.of("start ....", "0 a...", "1 a... m"), states());
    }

    @Test
    void a_flush_counts_from_its_end() throws Exception {
        // The second write ends while the flush of the first one is under way, the third one begins after that
        new LogFile().write(0, 'a').times(1, 2).add(0, 0, LogFile.FLUSH, "", 0).times(3, 6).write(1, 'b').times(4, 5)
                .write(2, 'c').times(7, 8).store(log);
        assertEquals(List.of("start ....", "2 ab..", "2-0 .b..", "2-2 a...", "3 abc.", "3-2 a.c."), states());
    }

    @Test
    void what_is_under_way_may_be_there() throws Exception {
        new LogFile().add(0, 1, LogFile.FUA, "", 'a').times(1, 3).mark("m").times(4, 4).write(1, 'b').times(2, 5).store(log);
        assertEquals(List.of("start ....", "start^2 .b..", "0^2 ab..", "0 a...", "2 ab.. m", "2-2 a... m"), states());
    }

    @Test
    void what_is_under_way_may_be_torn() throws Exception {
        new LogFile().mark("m").times(3, 3).add(0, 2, 0, "", 'a').times(2, 4).store(log);
        assertEquals(List.of("start ....", "start^1 aa..", "start~1:1 a...", "1 aa.. m", "1-1 .... m", "1~1:1 a... m"), states());
    }

    @Test
    void the_smallest_state_is_without_what_is_under_way_if_that_does_not_matter() throws Exception {
        new LogFile().write(0, 'a').times(1, 3).mark("m").times(6, 6).write(1, 'b').times(4, 7).write(2, 'c').times(5, 8).store(log);
        Outcome outcome = run(words("x=$(" + LETTERS + "); case $x in .b*) exit 1; esac", "--jobs=1"));
        assertEquals("""
                state: 0-0^2,3
                last: 0
                lost: 0
                early: 2,3
                smallest: 0-0^2
                status: 1
                """, outcome.out().replaceFirst("[0-9]+ states, 1 bad, [0-9.]+ per second\n$", ""));
    }

    @Test
    void a_check_that_refuses_the_image_without_any_write_is_told() throws Exception {
        new LogFile().write(0, 'a').flush().write(1, 'b').store(log);
        Outcome outcome = run(words("echo no; false {}", "--jobs=1"));
        assertEquals(log + ": a state is bad; the check refuses " + base + " as it is, without any write; is it what the disk had when the record began?",
                error(outcome));
        assertTrue(outcome.out().startsWith("state: start\nsmallest: start\nstatus: 1\n| no\n1 state, 1 bad, "), outcome.out());
        outcome = run(words("false {}", "--jobs=1", "--keep-going"));
        assertEquals(List.of("smallest: start", "smallest: start", "smallest: 1"), outcome.out().lines().filter(line -> line.startsWith("smallest")).toList());
    }

    @Test
    void what_is_left_out_is_told() throws Exception {
        var file = new LogFile();
        for (int i = 0; i < 12; i++) {
            file.write(i % 4, 'a' + i);
        }
        file.store(log);
        String out = succeed(words(": {}", "--most=3", "--jobs=1"));
        assertTrue(out.matches("3 states, 0 bad, 4093 left out, [0-9.]+ per second\n"), out);
        out = succeed(words(": {}", "--most=3", "--jobs=1", "--json"));
        assertTrue(out.startsWith("{\n  \"states\": 3,\n  \"left_out\": 4093,\n"), out);
    }

    @Test
    void the_image_of_a_bad_state_is_kept() throws Exception {
        new LogFile().write(3, 'x').flush().write(0, 'a').write(1, 'b').write(2, 'c').store(log);
        String check = "x=$(" + LETTERS + "); case $x in .b*) exit 3; esac";
        Path kept = directory.resolve("kept");
        Outcome outcome = run(words(check, "--jobs=1", "--keep=" + kept));
        assertEquals(log + ": a state is bad; " + kept + " is its image", error(outcome));
        assertTrue(outcome.out().contains("\nsmallest: 3-2\n"), outcome.out());
        assertEquals(".b.x", Files.readString(kept).replaceAll("(.)\\1{511}", "$1"));
        assertEquals(kept + ": is there already", fail(words(check, "--keep=" + kept)));
        Files.delete(kept);
        assertEquals("/nope: No such file or directory", fail(words(check, "--keep=/nope/kept")));
        succeed(words("true {}", "--keep=" + kept));
        assertTrue(Files.notExists(kept));
    }

    @Test
    void what_others_say_cannot_forge_a_line_or_change_the_terminal() throws Exception {
        new LogFile().write(0, 'a').mark("m\nstate: 9\u001b[31m").store(log);
        Outcome outcome = run(words("test -z \"$ABUSECTL_MARK\" || { : {}; printf 'red\\033[31m\\007\\ttab\\000\\n'; false; }", "--jobs=1"));
        assertTrue(outcome.out().startsWith("state: 1\nlast: 1\nmark: m\\x0astate: 9\\x1b[31m\nsmallest: 1\nstatus: 1\n| red\\x1b[31m\\x07\ttab\\x00\n"),
                outcome.out());
        assertEquals("MARK\n-\nm\\x0astate: 9\\x1b[31m\n", succeed("replay", log.toString(), "-o", "mark"));
        assertEquals("/no/file\\x0aabusectl: fine: No such file or directory", fail("replay", "/no/file\nabusectl: fine"));
    }

    @Test
    void a_check_is_alone_with_its_files() throws Exception {
        new LogFile().write(0, 'a').store(log);
        succeed(words("test $(ls $(dirname {})/.. | grep -c output) = 1 && test $(ls $(dirname {}) | wc -l) = 1", "--jobs=1"));
    }

    @Test
    void a_record_without_writes_is_no_success() throws Exception {
        new LogFile().mark("m").flush().store(log);
        assertEquals(log + ": has no write, so there is nothing to check; was the 'record' filter the first one?", fail(words("true {}")));
    }

    @Test
    void mistakes_are_named() throws Exception {
        new LogFile().write(0, 'a').store(log);
        assertEquals("crashes: --base is missing", misuse("crashes", log.toString(), "--check", "true {}"));
        assertEquals("crashes: --base, --check and FILE are missing", misuse("crashes"));
        assertEquals("replay: FILE is missing", misuse("replay"));
        assertEquals("map: LENGTH and TARGET[:AT] are missing", misuse("map", "0", "0"));
        assertEquals("unmap: DEVICE is missing", misuse("unmap"));
        assertEquals("crashes: --check is missing", misuse("crashes", log.toString(), "--base", base.toString()));
        assertEquals("crashes: --check has no {}, where the path of the image belongs", misuse(words("true")));
        assertEquals("crashes: --jobs=0 is not from 1 to 1024", misuse(words("true {}", "--jobs=0")));
        assertEquals("crashes: --most=x is not a number", misuse(words("true {}", "--most=x")));
        assertEquals("there is no state '7-3'; --most, --seed and --from-mark must be those of before", fail(words("true {}", "--from=7-3")));
        assertEquals(log + ": has no mark 'm'; it has none", fail(words("true {}", "--from-mark=m")));
        assertTrue(fail(words("/no/such/program {}")).startsWith("--check cannot be run: "));
        assertEquals("--check cannot be run: its exit status is 126", fail(words("exit 126; {}")));
        assertEquals("--work=/nope: No such file or directory", fail("crashes", log.toString(), "--base", base.toString(), "--check", "true {}", "--work", "/nope"));
        assertEquals("--base=/nope: No such file or directory", fail("crashes", log.toString(), "--base", "/nope", "--check", "true {}"));
        assertEquals(log + ": is the record itself", fail("crashes", log.toString(), "--base", log.toString(), "--check", "true {}"));
        assertEquals("crashes: --base is empty; if it is from a variable, that is not set",
                misuse("crashes", log.toString(), "--base", "", "--check", "true {}"));
        Files.write(base, new byte[] {'Q', 'F', 'I', (byte) 0xfb});
        assertEquals(base + ": is a qcow2 image, and only a raw one can be used; 'abusectl run qcow2:" + base + "' serves the disk in it; name that", fail(words("true {}")));
        Files.write(base, new byte[100]);
        assertEquals(base + ": has 100 bytes, and the recorded disk had at least 512", fail(words("true {}")));
    }
}
