// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.SimulatedDevices;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Progress is shown on a terminal only. */
@Timeout(600)
class ProgressTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private Context context(boolean terminal, Map<String, String> environment) {
        return new Context(new ByteArrayInputStream(new byte[0]), out, out, environment, new SimulatedDevices(),
                stop -> { }, () -> terminal);
    }

    @Test
    void a_terminal_shows_how_far_it_is_and_is_clean_at_the_end() throws Exception {
        var asked = new CountDownLatch(3);
        var progress = new Progress(context(true, Map.of()), "locking memory", 4L << 30, () -> {
            asked.countDown();
            return 3L << 30;
        });
        asked.await();
        progress.end();
        String shown = out.toString(StandardCharsets.UTF_8);
        assertTrue(shown.startsWith("\rlocking memory: 75 % of 4 GiB\r"), shown);
        assertTrue(shown.endsWith("\r\u001b[0K"), shown);
    }

    @Test
    void who_wants_no_colour_is_shown_all_else() throws Exception {
        var asked = new CountDownLatch(2);
        var progress = new Progress(context(true, Map.of("NO_COLOR", "1")), "locking memory", 1, () -> {
            asked.countDown();
            return 1;
        });
        asked.await();
        progress.end();
        assertTrue(out.toString(StandardCharsets.UTF_8).startsWith("\rlocking memory: 100 % of 1 bytes"), out.toString());
        out.reset();
        var devices = new SimulatedDevices();
        devices.add(0).setUp(1 << 20).read(0, 4096);
        assertEquals(0, new Cli(new Context(new ByteArrayInputStream(new byte[0]), out, out, Map.of("NO_COLOR", "1"), devices,
                stop -> { }, () -> true)).run("top", "-n1", "-d0.01"));
        String screen = out.toString(StandardCharsets.UTF_8);
        assertTrue(screen.startsWith("\u001b[?7l\u001b[2J\u001b[1;1HDISK "), screen);
        assertTrue(screen.contains("[+         ]"), screen);
        assertEquals(-1, screen.indexOf("m", screen.indexOf("ERR")), "colour in " + screen);
    }

    @Test
    void what_takes_no_time_shows_nothing() {
        new Progress(context(true, Map.of()), "locking memory", 1, () -> 1).end();
        assertEquals("", out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void a_file_and_who_wants_no_colour_get_none() throws Exception {
        for (var context : new Context[] {context(false, Map.of()), context(true, Map.of("TERM", "dumb"))}) {
            var progress = new Progress(context, "locking memory", 1, () -> 1);
            Thread.sleep(1200);
            progress.end();
        }
        assertEquals("", out.toString(StandardCharsets.UTF_8));
    }
}
