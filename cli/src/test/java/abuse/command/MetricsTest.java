// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.device.Mapped;
import abuse.device.SimulatedDisk;
import abuse.libc.Unix;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** metrics: the text that Prometheus reads. */
class MetricsTest extends CommandTestBase {
    @Test
    void every_disk_has_its_series_and_a_free_device_has_none() {
        SimulatedDisk disk = devices.add(0).setUp(1 << 24);
        devices.add(1);
        devices.add(12).setUp(1 << 20).read(0, 4096).age(40_500);
        var latencies = new ArrayList<>(Collections.nCopies(96, 0L));
        latencies.set(3, 1L); // 3 us
        latencies.set(4, 2L); // 4 us
        latencies.set(7, 3L); // 7 us
        latencies.set(91, 4L); // up to 16.8 s
        latencies.set(92, 5L);
        latencies.set(95, 6L);
        disk.setLatencies(latencies);
        disk.count(new Mapped(1, 2, 3, 4, 5, 6, 7));
        disk.read(0, 4096);
        succeed("put", "0", "--fail", "device");
        String expected = """
                # HELP abuse_disk_size_bytes Size of the disk.
                # TYPE abuse_disk_size_bytes gauge
                abuse_disk_size_bytes{device="abuse0"} 16777216
                abuse_disk_size_bytes{device="abuse12"} 1048576
                # HELP abuse_disk_failed 1 if a server declared the disk failed.
                # TYPE abuse_disk_failed gauge
                abuse_disk_failed{device="abuse0"} 1
                abuse_disk_failed{device="abuse12"} 0
                # HELP abuse_disk_openers How often the disk is open, mounts and swap included.
                # TYPE abuse_disk_openers gauge
                abuse_disk_openers{device="abuse0"} 0
                abuse_disk_openers{device="abuse12"} 0
                # HELP abuse_servers Open files that have asked for requests.
                # TYPE abuse_servers gauge
                abuse_servers{device="abuse0"} 0
                abuse_servers{device="abuse12"} 0
                # HELP abuse_requests_pending Requests that nobody has taken.
                # TYPE abuse_requests_pending gauge
                abuse_requests_pending{device="abuse0"} 0
                abuse_requests_pending{device="abuse12"} 1
                # HELP abuse_requests_owned Requests taken and not answered yet.
                # TYPE abuse_requests_owned gauge
                abuse_requests_owned{device="abuse0"} 0
                abuse_requests_owned{device="abuse12"} 0
                # HELP abuse_request_oldest_seconds Age of the oldest request that is not answered, 0 if there is none.
                # TYPE abuse_request_oldest_seconds gauge
                abuse_request_oldest_seconds{device="abuse0"} 0
                abuse_request_oldest_seconds{device="abuse12"} 40.5
                # HELP abuse_gets_total Requests handed out.
                # TYPE abuse_gets_total counter
                abuse_gets_total{device="abuse0"} 1
                abuse_gets_total{device="abuse12"} 0
                # HELP abuse_puts_total Requests answered.
                # TYPE abuse_puts_total counter
                abuse_puts_total{device="abuse0"} 1
                abuse_puts_total{device="abuse12"} 0
                # HELP abuse_redelivered_total Requests handed out again.
                # TYPE abuse_redelivered_total counter
                abuse_redelivered_total{device="abuse0"} 0
                abuse_redelivered_total{device="abuse12"} 0
                # HELP abuse_stale_puts_total Answers refused as too late.
                # TYPE abuse_stale_puts_total counter
                abuse_stale_puts_total{device="abuse0"} 0
                abuse_stale_puts_total{device="abuse12"} 0
                # HELP abuse_timeouts_total Requests that nobody answered in time.
                # TYPE abuse_timeouts_total counter
                abuse_timeouts_total{device="abuse0"} 0
                abuse_timeouts_total{device="abuse12"} 0
                # HELP abuse_errors_total Requests that failed.
                # TYPE abuse_errors_total counter
                abuse_errors_total{device="abuse0"} 1
                abuse_errors_total{device="abuse12"} 0
                # HELP abuse_mapped_reads_total Reads that the kernel carried out by itself.
                # TYPE abuse_mapped_reads_total counter
                abuse_mapped_reads_total{device="abuse0"} 1
                abuse_mapped_reads_total{device="abuse12"} 0
                # HELP abuse_mapped_writes_total Writes that the kernel carried out by itself.
                # TYPE abuse_mapped_writes_total counter
                abuse_mapped_writes_total{device="abuse0"} 2
                abuse_mapped_writes_total{device="abuse12"} 0
                # HELP abuse_mapped_read_bytes_total Bytes of those reads.
                # TYPE abuse_mapped_read_bytes_total counter
                abuse_mapped_read_bytes_total{device="abuse0"} 3
                abuse_mapped_read_bytes_total{device="abuse12"} 0
                # HELP abuse_mapped_written_bytes_total Bytes of those writes.
                # TYPE abuse_mapped_written_bytes_total counter
                abuse_mapped_written_bytes_total{device="abuse0"} 4
                abuse_mapped_written_bytes_total{device="abuse12"} 0
                # HELP abuse_misses_total Reads and writes of a mappable disk that were not mapped.
                # TYPE abuse_misses_total counter
                abuse_misses_total{device="abuse0"} 5
                abuse_misses_total{device="abuse12"} 0
                # HELP abuse_faults_total Requests that servers got, as what they were mapped to had failed them.
                # TYPE abuse_faults_total counter
                abuse_faults_total{device="abuse0"} 6
                abuse_faults_total{device="abuse12"} 0
                # HELP abuse_extents Parts of the disk that are mapped.
                # TYPE abuse_extents gauge
                abuse_extents{device="abuse0"} 7
                abuse_extents{device="abuse12"} 0
                # HELP abuse_request_duration_seconds Time from the submission of a request to its answer.
                # TYPE abuse_request_duration_seconds histogram
                """ + histogram("abuse0", 1, 6, 10, 21) + histogram("abuse12", 0, 0, 0, 0);
        assertEquals(expected, succeed("metrics"));
    }

    /** The buckets of a disk: those of 4 us, of 8 us and of most others, that of 17 s, and all. */
    private static String histogram(String device, long first, long most, long last, long all) {
        var text = new StringBuilder();
        for (String bound : List.of("0.000004", "0.000008", "0.000016", "0.000032", "0.000064", "0.000128", "0.000256",
                "0.000512", "0.001024", "0.002048", "0.004096", "0.008192", "0.016384", "0.032768", "0.065536", "0.131072",
                "0.262144", "0.524288", "1.048576", "2.097152", "4.194304", "8.388608", "16.777216", "+Inf")) {
            text.append("abuse_request_duration_seconds_bucket{device=\"").append(device).append("\",le=\"").append(bound)
                    .append("\"} ").append(switch (bound) {
                        case "0.000004" -> first;
                        case "16.777216" -> last;
                        case "+Inf" -> all;
                        default -> most;
                    }).append('\n');
        }
        return text + "abuse_request_duration_seconds_count{device=\"" + device + "\"} " + all + "\n";
    }

    @Test
    void without_a_disk_there_is_nothing() {
        devices.add(0);
        assertEquals("", succeed("metrics"));
    }

    @Test
    void a_device_that_cannot_be_opened_is_told_behind_the_others() {
        devices.add(0).setUp(1 << 20);
        devices.refuse("/dev/abctl1", Unix.EACCES);
        Outcome outcome = run("metrics");
        assertEquals(1, outcome.exitCode());
        assertEquals(1, outcome.out().lines().filter(line -> line.startsWith("abuse_puts_total{")).count());
        assertEquals(1, outcome.err().lines().count(), outcome.err());
    }
}
