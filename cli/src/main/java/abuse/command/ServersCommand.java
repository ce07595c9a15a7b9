// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static abuse.command.ServerColumn.COMMAND;
import static abuse.command.ServerColumn.GETS;
import static abuse.command.ServerColumn.LAST;
import static abuse.command.ServerColumn.OLDEST;
import static abuse.command.ServerColumn.OWNED;
import static abuse.command.ServerColumn.PID;
import static abuse.command.ServerColumn.PUTS;
import static abuse.command.ServerColumn.QUEUE;
import static abuse.command.ServerColumn.SERVES;
import static abuse.command.ServerColumn.STALE;
import static abuse.command.ServerColumn.STATE;
import static abuse.command.ServerColumn.UID;

import abuse.device.Device;
import abuse.device.ServerStatus;
import java.util.List;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows who serves a device. */
final class ServersCommand extends Command {
    private final PositionalParamSpec name = deviceWord();
    private final Table<ServerStatus> table = new Table<>(this, List.of(ServerColumn.values()),
            List.of(PID, COMMAND, UID, QUEUE, OWNED, OLDEST, GETS, PUTS, STALE, LAST, STATE, SERVES), false);

    ServersCommand(Context context) {
        super(context, "servers", "Shows who serves a device.",
                "A line for every open file of the control node that has asked for requests, the first one first.");
    }

    @Override
    void execute() throws Exception {
        List<? extends Field<ServerStatus>> columns = table.columns();
        try (Device device = open(name.getValue())) {
            table.print(columns, "servers", device.servers());
        }
    }
}
