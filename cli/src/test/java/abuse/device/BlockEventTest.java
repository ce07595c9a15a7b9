// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BlockEventTest {
    @Test
    void lines_of_old_and_new_kernels_are_read() {
        assertEquals(Optional.of(new BlockEvent(10_954_289_000L, false, "RA", 264, 248, "my dd", 0)), BlockEvent.parse(
                "           my dd-137     [000] ...1.    10.954289: block_rq_issue: 60,0 RA 126976 () 264 + 248 [my dd]"));
        assertEquals(Optional.of(new BlockEvent(11_229_266_000L, true, "WFS", 0, 8, "", -5)), BlockEvent.parse(
                "          client-134     [000] .....    11.229266: block_rq_complete: 60,0 WFS () 0 + 8 [-5]"));
        assertEquals(Optional.of(new BlockEvent(10_306_602_000L, false, "WFS", 8, 8, "dd", 0)), BlockEvent.parse(
                "              dd-145     [001] ...1.    10.306602: block_rq_issue: 60,0 WFS 4096 () 8 + 8 be,0,4 [dd]"));
        assertEquals(Optional.of(new BlockEvent(10_306_732_000L, true, "FF", -1, 0, "", 0)), BlockEvent.parse(
                "   client-138 [000] ..... 10.306732: block_rq_complete: 60,0 FF () 18446744073709551615 + 0 none,0,0 [0]"));
    }

    @ParameterizedTest
    @CsvSource({"''", "CPU:0 [LOST 12 EVENTS]", "dd-1 [001] ...1. 10.306602: block_rq_insert: 60:0 W 4096 () 8 + 8 [dd]"})
    void other_lines_are_none(String line) {
        assertEquals(Optional.empty(), BlockEvent.parse(line));
    }

    @ParameterizedTest
    @CsvSource({"R,read", "RA,read ahead", "RAM,read ahead meta", "RM,read meta", "WSM,write meta", "WFSM,write fua meta", "WS,write", "WFS,write fua", "FWFS,write fua", "FWS,write", "FF,flush", "DS,discard",
        "NS,write zeroes", "WZS,write zeroes"})
    void letters_have_words(String letters, String words) {
        assertEquals(words, new BlockEvent(0, false, letters, 0, 8, "", 0).words());
    }

    @Test
    void results_have_words() {
        assertEquals("ok", new BlockEvent(0, true, "R", 0, 8, "", 0).result());
        assertEquals("Input/output error", new BlockEvent(0, true, "R", 0, 8, "", -5).result());
    }

    @Test
    void statistics_are_read_and_subtracted() {
        var first = DiskStatistics.parse("     100        2      800       30       50        0      400       20        1"
                + "       40       60        7        0       56        0        3        2\n");
        assertEquals(new DiskStatistics(100, 800 * 512, 50, 400 * 512, 7, 3), first);
        var later = new DiskStatistics(110, 900 * 512, 50, 400 * 512, 8, 5);
        assertEquals(new DiskStatistics(10, 100 * 512, 0, 0, 1, 2), later.since(first));
        assertEquals(first, first.since(later));
    }
}
