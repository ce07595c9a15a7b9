// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class DiskStatisticsTest {
    @Test
    void statistics_are_read_and_subtracted() {
        var first = DiskStatistics.parse("     100        2      800       30       50        0      400       20        1"
                + "       40       60        7        0       56        0        3        2\n");
        assertEquals(new DiskStatistics(100, 800 * 512, 50, 400 * 512, 7, 3), first);
        var later = new DiskStatistics(110, 900 * 512, 50, 400 * 512, 8, 5);
        assertEquals(new DiskStatistics(10, 100 * 512, 0, 0, 1, 2), later.since(first));
        assertEquals(first, first.since(later));
        var anew = new DiskStatistics(100, 800 * 512, 50, 400 * 512, 6, 3);
        assertEquals(anew, anew.since(first));
    }
}
