// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Flag;
import abuse.device.Status;
import java.util.EnumSet;
import java.util.Set;

/** What can be shown of a device. */
enum Column implements Field<DeviceRow> {
    DISK("block device"),
    NODE("control node"),
    SIZE("size of the disk"),
    BS("block size"),
    PBS("physical block size: what the storage writes at once"),
    QD("queue depth: requests of a hardware queue"),
    NQ("hardware queues"),
    MR("longest read or write"),
    IOMIN("least to read or write at once"),
    IOOPT("best to read or write at once"),
    DISCGRAN("what the storage frees at once"),
    DISCMAX("longest discard"),
    ZEROMAX("longest write zeroes"),
    TIMEOUT("seconds until an unanswered request fails"),
    UNSERVED("seconds from setup until requests fail if nobody has ever served"),
    ORPHAN("seconds from the end of the last server until requests fail"),
    SERVERS("open files that have asked for requests"),
    PID("processes that serve"),
    SERVES("what they say that they serve"),
    OPENERS("how often the disk is open, mounts and swap included"),
    PENDING("requests that nobody has taken"),
    OWNED("requests taken and not answered yet"),
    OLDEST("age of the oldest request that is pending or owned"),
    GETS("requests handed out"),
    PUTS("requests answered"),
    REDELIVERED("requests handed out again"),
    STALE("answers refused as too late"),
    TIMEOUTS("requests that nobody answered in time"),
    ERRORS("requests that failed"),
    MREADS("reads that the kernel carried out by itself, as they were mapped"),
    MWRITES("writes that the kernel carried out by itself"),
    MRBYTES("bytes of those reads"),
    MWBYTES("bytes of those writes"),
    MISSES("reads and writes that were not mapped, of a disk that may be"),
    FAULTS("requests that servers got, as what they were mapped to had failed them"),
    EXTENTS("parts that are mapped"),
    P50("median latency, us"),
    P99("99th percentile of the latency, us"),
    STATE("live, failed, orphaned, or none: not set up"),
    FLAGS("what the disk offers"),
    PROBLEM("what is wrong: 'failed', 'nobody serves', 'quiesced', 'leaving', or 'oldest request AGE', from 10 seconds on");

    private static final Set<Column> BYTES = EnumSet.of(SIZE, BS, PBS, MR, IOMIN, IOOPT, DISCGRAN, DISCMAX, ZEROMAX, MRBYTES, MWBYTES);
    private static final Set<Column> OF_MAPPABLE = EnumSet.range(MREADS, EXTENTS);
    private static final Set<Column> TO_THE_LEFT = EnumSet.of(DISK, NODE, SERVES, STATE, FLAGS, PROBLEM);

    private final String help;

    Column(String help) {
        this.help = help;
    }

    @Override
    public String help() {
        return help;
    }

    @Override
    public boolean isNumber() {
        return !TO_THE_LEFT.contains(this);
    }

    @Override
    public String text(DeviceRow row, boolean inBytes) {
        Object value = value(row);
        if (this == OLDEST && value != null) {
            return Seconds.brief(row.oldestMs());
        }
        return value != null && BYTES.contains(this) && !inBytes ? Sizes.brief(((Number) value).longValue())
                : Field.super.text(row, inBytes);
    }

    @Override
    public Object value(DeviceRow row) {
        Status status = row.status();
        if (this == NODE) {
            return row.node();
        }
        if (!status.isSetUp() && this != SERVERS && this != STATE) {
            return null;
        }
        if (OF_MAPPABLE.contains(this) && !status.flags().contains(Flag.MAPPABLE)) {
            return null;
        }
        return switch (this) {
            case DISK -> status.disk();
            case NODE -> row.node();
            case SIZE -> status.capacity();
            case BS -> status.blockSize();
            case PBS -> status.physicalBlockSize();
            case QD -> status.queueDepth();
            case NQ -> status.queues();
            case MR -> status.maxRequest();
            case IOMIN -> status.hints().ioMin();
            case IOOPT -> status.hints().ioOpt();
            case DISCGRAN -> status.hints().discardGranularity();
            case DISCMAX -> status.hints().maxDiscard();
            case ZEROMAX -> status.hints().maxWriteZeroes();
            case TIMEOUT -> Seconds.of(status.timeoutMs());
            case UNSERVED -> Seconds.of(status.unservedMs());
            case ORPHAN -> Seconds.of(status.orphanMs());
            case SERVERS -> status.servers();
            case PID -> row.pids();
            case SERVES -> row.serves();
            case OPENERS -> status.openers();
            case PENDING -> status.pending();
            case OWNED -> status.owned();
            case OLDEST -> row.oldestMs() < 0 ? null : Seconds.of(row.oldestMs());
            case GETS -> status.gets();
            case PUTS -> status.puts();
            case REDELIVERED -> status.redelivered();
            case STALE -> status.stale();
            case TIMEOUTS -> status.timeouts();
            case ERRORS -> status.errors();
            case MREADS -> status.mapped().reads();
            case MWRITES -> status.mapped().writes();
            case MRBYTES -> status.mapped().readBytes();
            case MWBYTES -> status.mapped().writtenBytes();
            case MISSES -> status.mapped().misses();
            case FAULTS -> status.mapped().faults();
            case EXTENTS -> status.mapped().extents();
            case P50 -> percentile(status, 50);
            case P99 -> percentile(status, 99);
            case STATE -> status.state().word();
            case FLAGS -> status.flags().stream().map(Flag::words).toList();
            case PROBLEM -> row.problem();
        };
    }

    private static Long percentile(Status status, int percent) {
        long microseconds = status.latency().percentile(percent);
        return microseconds < 0 ? null : microseconds;
    }
}
