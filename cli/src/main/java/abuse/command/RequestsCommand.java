// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static abuse.command.RequestColumn.AGE;
import static abuse.command.RequestColumn.COMMAND;
import static abuse.command.RequestColumn.GETS;
import static abuse.command.RequestColumn.LENGTH;
import static abuse.command.RequestColumn.OPERATION;
import static abuse.command.RequestColumn.PID;
import static abuse.command.RequestColumn.SECTOR;
import static abuse.command.RequestColumn.SERVES;
import static abuse.command.RequestColumn.STATE;

import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.RequestStatus;
import abuse.device.ServerStatus;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows who has which request. */
final class RequestsCommand extends Command {
    private final PositionalParamSpec name = deviceWord();
    private final Table<RequestRow> table = new Table<>(this, List.of(RequestColumn.values()),
            List.of(OPERATION, SECTOR, LENGTH, STATE, AGE, GETS, PID, COMMAND, SERVES), true);

    RequestsCommand(Context context) {
        super(context, "requests", "Shows the requests that are not answered, and who has them.",
                "A line for every request, the oldest one first.");
    }

    @Override
    void execute() throws Exception {
        List<? extends Field<RequestRow>> columns = table.columns();
        try (Device device = open(name.getValue())) {
            table.print(columns, "requests", rows(device));
        }
    }

    private static List<RequestRow> rows(Device device) throws DeviceException {
        var requests = new ArrayList<>(device.requests());
        requests.sort(Comparator.comparingLong(RequestStatus::ageMs).reversed().thenComparingLong(RequestStatus::sector));
        var servers = new HashMap<Long, ServerStatus>();
        device.servers().forEach(server -> servers.put(server.number(), server));
        return requests.stream().map(request -> new RequestRow(request, servers.get(request.server()))).toList();
    }
}
