// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Operation;
import abuse.device.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The filters log and stats. */
class JournalFilterTest extends FilterTestBase {
    private void work() throws Exception {
        assertEquals(Result.OKAY, write(1, 1));
        assertEquals(Result.OKAY, resultOf(disk.writeFua(2 * BLOCK, bytes(2))));
        assertEquals(Result.NO_SPACE, read(1));
        assertEquals(Result.OKAY, flush());
        assertEquals(Result.OKAY, resultOf(disk.submit(Operation.WRITE_ZEROES, 0, 8 * BLOCK, null, false, 0)));
    }

    @Test
    void each_request_has_its_line() throws Exception {
        serveWith("log", "error:op=read,errno=ENOSPC");
        work();
        List<String> lines = endServer().lines().map(line -> line.replaceAll("^[0-9]+\\.[0-9]{3} ", "T ").replaceAll("[0-9]+us$", "Nus")).toList();
        assertEquals(List.of("T write 4096+4096 ok Nus", "T write 8192+4096 fua ok Nus", "T read 4096+4096 ENOSPC Nus", "T flush ok Nus",
                "T write_zeroes 0+32768 ok Nus"), lines);
    }

    @Test
    void the_lines_of_some_requests_go_to_the_end_of_a_file_as_json() throws Exception {
        Path file = directory.resolve("log");
        Files.writeString(file, "before\n");
        serveWith("log:op=write+flush,format=json,file=" + file);
        assertEquals(Result.OKAY, read(5));
        assertEquals(Result.OKAY, resultOf(disk.writeFua(2 * BLOCK, bytes(2))));
        assertEquals(Result.OKAY, flush());
        assertEquals("", endServer());
        List<String> lines = Files.readAllLines(file);
        assertEquals(3, lines.size(), lines.toString());
        assertTrue(lines.get(1).matches("\\{\"time\":[0-9.]+,\"op\":\"write\",\"offset\":8192,\"length\":4096,\"fua\":true,\"result\":\"ok\",\"us\":[0-9]+}"),
                lines.get(1));
        assertTrue(lines.get(2).contains("\"op\":\"flush\",\"offset\":0,\"length\":0,\"fua\":false,\"result\":\"ok\""), lines.get(2));
    }

    @Test
    void a_place_in_the_order_says_what_is_seen() throws Exception {
        Path outer = directory.resolve("outer");
        Path inner = directory.resolve("inner");
        serveWith("log:file=" + outer, "error:op=read", "log:file=" + inner);
        read(0);
        write(0, 1);
        endServer();
        assertEquals(2, Files.readAllLines(outer).size());
        assertEquals(1, Files.readAllLines(inner).size());
    }

    @Test
    void numbers_come_at_the_end() throws Exception {
        serveWith("stats", "error:op=read,errno=ENOSPC", "delay:op=flush,time=20ms");
        work();
        List<String> lines = endServer().lines().toList();
        assertEquals(4, lines.size(), lines.toString());
        assertTrue(lines.get(0).matches("read requests=1 failed=1 bytes=4096 p50=[0-9]+us p99=[0-9]+us max=[0-9]+us"), lines.get(0));
        assertTrue(lines.get(1).startsWith("write requests=2 failed=0 bytes=8192 "), lines.get(1));
        assertTrue(lines.get(2).matches("flush requests=1 failed=0 bytes=0 p50=[0-9]{5,}us p99=[0-9]{5,}us max=[0-9]{5,}us"),
                lines.get(2));
        assertTrue(lines.get(3).startsWith("write_zeroes requests=1 failed=0 bytes=32768 "), lines.get(3));
    }

    @Test
    void numbers_come_in_between() throws Exception {
        Path file = directory.resolve("stats");
        serveWith("stats:interval=1ms,file=" + file);
        write(0, 1);
        Thread.sleep(5);
        write(0, 1);
        assertTrue(Files.readString(file).contains("write requests="), Files.readString(file));
        endServer();
    }
}
