// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.RequestFlag;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** What can be shown of a request that is not answered. */
enum RequestColumn implements Field<RequestRow> {
    OPERATION("what is asked: read, write, flush, discard, write_zeroes"),
    SECTOR("first sector, which has 512 bytes, whatever the blocks of the disk have"),
    LENGTH("how much of the disk it is about"),
    FLAGS("more about it, such as fua, or redelivered: an earlier owner may have carried it out"),
    STATE("pending: nobody has it; owned: a server has it; busy: its data is being copied right now"),
    AGE("how long ago it was submitted"),
    GETS("how often it was handed out"),
    QUEUE("its hardware queue"),
    PID("process that has it"),
    COMMAND("name of that process"),
    SERVES("what that process says that it serves"),
    SERVER("number of the open file that has it");

    private static final Set<RequestColumn> TO_THE_LEFT = EnumSet.of(OPERATION, FLAGS, STATE, COMMAND, SERVES);

    private final String help;

    RequestColumn(String help) {
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
    public Object value(RequestRow row) {
        var request = row.request();
        return switch (this) {
            case OPERATION -> request.operation().name().toLowerCase(Locale.ROOT);
            case SECTOR -> request.sector();
            case LENGTH -> request.length();
            case FLAGS -> request.flags().stream().map(RequestFlag::word).toList();
            case STATE -> request.state().word();
            case AGE -> Seconds.of(request.ageMs());
            case GETS -> request.gets();
            case QUEUE -> request.queue();
            case PID -> request.pid() == 0 ? null : request.pid();
            case COMMAND -> row.server() == null ? null : ServerColumn.wordOrNull(row.server().command());
            case SERVES -> row.server() == null ? null : ServerColumn.wordOrNull(row.server().text());
            case SERVER -> request.server() == 0 ? null : request.server();
        };
    }

    @Override
    public String text(RequestRow row, boolean inBytes) {
        return switch (this) {
            case LENGTH -> inBytes ? Long.toString(row.request().length()) : Sizes.brief(row.request().length());
            case AGE -> Seconds.brief(row.request().ageMs());
            default -> Field.super.text(row, inBytes);
        };
    }
}
