// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.device.TraceEvent.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TraceEventTest {
    @Test
    void lines_of_all_shapes_are_read() {
        assertEquals(Optional.of(new TraceEvent(10_954_289_000L, Kind.SUBMIT, 137, "my-2 dd", 1, 17, Operation.WRITE,
                Set.of(RequestFlag.FUA, RequestFlag.META), 264, 8192, 0, "")), TraceEvent.parse(
                "         my-2 dd-137     [000] ...1.    10.954289: abuse_submit: abuse10 queue=1 tag=17 write flags=0x9 sector=264 bytes=8192"));
        assertEquals(Optional.of(new TraceEvent(11_229_266_000L, Kind.PUT, 134, "queue 0", 0, 3, Operation.WRITE_ZEROES,
                Set.of(), 0, 4096, 120_500, "media-failure")), TraceEvent.parse(
                "         queue 0-134     [000]    11.229266: abuse_put: abuse0 queue=0 tag=3 write_zeroes sector=0 bytes=4096 media-failure nsecs=120500"));
        assertEquals(Optional.of(new TraceEvent(10_306_602_000L, Kind.STALE, 145, "<...>", 0, -1, null,
                Set.of(), 0, 0, 0, "id=0xffffffffffffffff")), TraceEvent.parse(
                "           <...>-145     [001] d..1.    10.306602: abuse_stale: abuse0 queue=0 id=0xffffffffffffffff"));
        assertEquals(Optional.of(new TraceEvent(10_306_732_000L, Kind.SETUP, 9, "a", -1, -1, null,
                Set.of(), 0, 0, 0, "reconnect capacity=4096 flags=0x4")), TraceEvent.parse(
                "               a-9       [001] .....    10.306732: abuse_setup: abuse0 reconnect capacity=4096 flags=0x4"));
        assertEquals(Optional.of(new TraceEvent(10_306_732_000L, Kind.MAPPED, 9, "a", -1, -1, Operation.READ,
                Set.of(), 8, 4096, 0, "target=0x100 target_sector=16")), TraceEvent.parse(
                "               a-9       [001] .....    10.306732: abuse_mapped: abuse0 read sector=8 bytes=4096 target=0x100 target_sector=16"));
        assertEquals(Optional.of(new TraceEvent(10_306_732_000L, Kind.UNMAP, 9, "a", -1, -1, null,
                Set.of(), 0, 0, 0, "offset=4096 length=8192")), TraceEvent.parse(
                "               a-9       [001] .....    10.306732: abuse_unmap: abuse0 offset=4096 length=8192"));
        assertEquals(Optional.of(new TraceEvent(10_306_732_000L, Kind.GET, 9, "a", 0, 0, Operation.UNKNOWN,
                Set.of(), 0, 0, 0, "")), TraceEvent.parse(
                "               a-9       [001] .....    10.306732: abuse_get: abuse0 queue=0 tag=0 0x9 flags=0x0 sector=0 bytes=0"));
    }

    @ParameterizedTest
    @CsvSource({"''", "CPU:0 [LOST 12 EVENTS]", "dd-1 [001] ...1. 10.306602: abuse_unheard: abuse0",
        "dd-1 [001] ...1. 10.306602: block_rq_insert: 60:0 W 4096 () 8 + 8 [dd]"})
    void other_lines_are_none(String line) {
        assertEquals(Optional.empty(), TraceEvent.parse(line));
    }

    @ParameterizedTest
    @CsvSource({"CPU:0 [LOST 12 EVENTS],12", "CPU:11 [LOST EVENTS],1", "dd-1 [001] ...1. 10.306602: abuse_reset: abuse0,0"})
    void lost_events_are_counted(String line, long lost) {
        assertEquals(lost, TraceEvent.lost(line));
    }

    @Test
    void threads_have_processes(@TempDir Path proc) throws IOException {
        thread(proc, 10, 10, "java");
        thread(proc, 12, 10, "queue 0");
        var names = new ProcessNames(proc);
        assertEquals("java 10", resolved(names, "queue 0", 12));
        assertEquals("java 10", resolved(names, "<...>", 12));
        assertEquals("java 10", resolved(names, "java", 10));
        // Not the one that is seen now
        assertEquals("dd 12", resolved(names, "dd", 12));
        assertEquals("dd 13", resolved(names, "dd", 13));
        assertEquals("- 13", resolved(names, "<...>", 13));
        thread(proc, 12, 12, "dd");
        assertEquals("dd 12", resolved(names, "dd", 12));
    }

    private static String resolved(ProcessNames names, String thread, int number) {
        TraceEvent event = names.resolve(new TraceEvent(0, Kind.RESET, number, thread, -1, -1, null, Set.of(), 0, 0, 0, ""));
        return event.command() + " " + event.pid();
    }

    private static void thread(Path proc, int number, int pid, String name) throws IOException {
        Path directory = Files.createDirectories(proc.resolve(Integer.toString(number)));
        Files.writeString(directory.resolve("comm"), name + "\n");
        Files.writeString(directory.resolve("status"), "Name:\t" + name + "\nUmask:\t0022\nTgid:\t" + pid + "\nPid:\t" + number + "\n");
    }
}
