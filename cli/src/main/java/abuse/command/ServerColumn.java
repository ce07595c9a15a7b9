// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.ServerStatus;
import java.util.EnumSet;
import java.util.Set;

/** What can be shown of an open file that serves. */
enum ServerColumn implements Field<ServerStatus> {
    PID("process; none when it is gone, or not to be seen from here"),
    COMMAND("name of the process"),
    UID("user of the process, as a number"),
    QUEUE("hardware queue that it serves"),
    OWNED("requests that it has"),
    OLDEST("how long ago the oldest of them was submitted"),
    GETS("requests handed to it"),
    PUTS("requests that it answered"),
    STALE("its answers that were refused as too late"),
    LAST("how long ago it last began or ended a get or put"),
    STATE("waiting for requests, working on some, idle (neither), draining (it gets no more), or over (its disk was reset)"),
    SERVES("what it says that it serves"),
    SERVER("number of the open file, by which requests name it");

    private static final Set<ServerColumn> TO_THE_LEFT = EnumSet.of(COMMAND, STATE, SERVES);

    private final String help;

    ServerColumn(String help) {
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
    public Object value(ServerStatus server) {
        return switch (this) {
            case PID -> server.pid() == 0 ? null : server.pid();
            case COMMAND -> wordOrNull(server.command());
            case UID -> server.uid();
            case QUEUE -> server.queue() == Device.ANY_QUEUE ? "any" : (Object) server.queue();
            case OWNED -> server.owned();
            case OLDEST -> server.owned() == 0 ? null : Seconds.of(server.oldestMs());
            case GETS -> server.gets();
            case PUTS -> server.puts();
            case STALE -> server.stale();
            case LAST -> Seconds.of(server.idleMs());
            case STATE -> state(server);
            case SERVES -> wordOrNull(server.text());
            case SERVER -> server.number();
        };
    }

    @Override
    public String text(ServerStatus server, boolean inBytes) {
        return switch (this) {
            case OLDEST -> server.owned() == 0 ? "-" : Seconds.brief(server.oldestMs());
            case LAST -> Seconds.brief(server.idleMs());
            default -> Field.super.text(server, inBytes);
        };
    }

    static String wordOrNull(String text) {
        return text.isEmpty() ? null : text;
    }

    private static String state(ServerStatus server) {
        return server.over() ? "over" : server.draining() ? "draining" : server.waiting() > 0 ? "waiting"
                : server.owned() > 0 ? "working" : "idle";
    }
}
