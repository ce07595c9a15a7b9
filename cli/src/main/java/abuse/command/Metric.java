// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.State;
import abuse.device.Status;
import java.math.BigDecimal;

/** A number of each disk, as Prometheus collects it. */
enum Metric {
    SIZE("abuse_disk_size_bytes", false, "Size of the disk."),
    FAILED("abuse_disk_failed", false, "1 if a server declared the disk failed."),
    OPENERS("abuse_disk_openers", false, "How often the disk is open, mounts and swap included."),
    SERVERS("abuse_servers", false, "Open files that have asked for requests."),
    PENDING("abuse_requests_pending", false, "Requests that nobody has taken."),
    OWNED("abuse_requests_owned", false, "Requests taken and not answered yet."),
    OLDEST("abuse_request_oldest_seconds", false, "Age of the oldest request that is not answered, 0 if there is none."),
    GETS("abuse_gets_total", true, "Requests handed out."),
    PUTS("abuse_puts_total", true, "Requests answered."),
    REDELIVERED("abuse_redelivered_total", true, "Requests handed out again."),
    STALE("abuse_stale_puts_total", true, "Answers refused as too late."),
    TIMEOUTS("abuse_timeouts_total", true, "Requests that nobody answered in time."),
    ERRORS("abuse_errors_total", true, "Requests that failed."),
    MAPPED_READS("abuse_mapped_reads_total", true, "Reads that the kernel carried out by itself."),
    MAPPED_WRITES("abuse_mapped_writes_total", true, "Writes that the kernel carried out by itself."),
    MAPPED_READ_BYTES("abuse_mapped_read_bytes_total", true, "Bytes of those reads."),
    MAPPED_WRITTEN_BYTES("abuse_mapped_written_bytes_total", true, "Bytes of those writes."),
    MISSES("abuse_misses_total", true, "Reads and writes of a mappable disk that were not mapped."),
    FAULTS("abuse_faults_total", true, "Requests that servers got, as what they were mapped to had failed them."),
    EXTENTS("abuse_extents", false, "Parts of the disk that are mapped.");

    final String series;
    final String type;
    final String help;

    Metric(String series, boolean counts, String help) {
        this.series = series;
        this.type = counts ? "counter" : "gauge";
        this.help = help;
    }

    Number value(DeviceRow row) {
        Status status = row.status();
        return switch (this) {
            case SIZE -> status.capacity();
            case FAILED -> status.state() == State.FAILED ? 1 : 0;
            case OPENERS -> status.openers();
            case SERVERS -> status.servers();
            case PENDING -> status.pending();
            case OWNED -> status.owned();
            case OLDEST -> Seconds.of(Math.max(0, row.oldestMs()));
            case GETS -> status.gets();
            case PUTS -> status.puts();
            case REDELIVERED -> status.redelivered();
            case STALE -> status.stale();
            case TIMEOUTS -> status.timeouts();
            case ERRORS -> status.errors();
            case MAPPED_READS -> status.mapped().reads();
            case MAPPED_WRITES -> status.mapped().writes();
            case MAPPED_READ_BYTES -> status.mapped().readBytes();
            case MAPPED_WRITTEN_BYTES -> status.mapped().writtenBytes();
            case MISSES -> status.mapped().misses();
            case FAULTS -> status.mapped().faults();
            case EXTENTS -> status.mapped().extents();
        };
    }

    /** Microseconds in seconds, in full. */
    static String seconds(long microseconds) {
        return BigDecimal.valueOf(microseconds, 6).stripTrailingZeros().toPlainString();
    }
}
