// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.RequestStatus;
import abuse.device.ServerStatus;
import abuse.device.State;
import abuse.device.Status;
import java.util.List;
import java.util.StringJoiner;

/**
 * A device as a table shows it.
 *
 * @param node the path of its control node
 * @param servers those that serve it as it is set up now
 * @param oldestMs milliseconds since the oldest request was submitted that is not answered; -1 for none
 */
record DeviceRow(String node, Status status, List<ServerStatus> servers, long oldestMs) {
    /** A request that waits for so long is a problem to be told. */
    private static final long LONG_MS = 10_000;

    /** Who serves and what waits is asked only where there is somebody, or something. */
    static DeviceRow of(String node, Device device, Status status) throws DeviceException {
        List<ServerStatus> servers = status.servers() == 0 ? List.of() : device.servers();
        return new DeviceRow(node, status, servers.stream().filter(server -> !server.over()).toList(),
                status.unanswered() == 0 ? -1 : oldest(device));
    }

    private static long oldest(Device device) throws DeviceException {
        try {
            return device.requests().stream().mapToLong(RequestStatus::ageMs).max().orElse(-1);
        } catch (DeviceException e) {
            if (e.reason() == DeviceException.Reason.NOT_SET_UP) {
                // It was reset just now
                return -1;
            }
            throw e;
        }
    }

    /** The processes that serve, as far as they are to be seen. */
    List<Integer> pids() {
        return servers.stream().map(ServerStatus::pid).filter(pid -> pid != 0).distinct().toList();
    }

    /** What the servers say that they serve: mostly one text. */
    List<String> serves() {
        return servers.stream().map(ServerStatus::text).filter(text -> !text.isEmpty()).distinct().toList();
    }

    /** What is wrong, in a few words; null when nothing is. */
    String problem() {
        var words = new StringJoiner(", ");
        if (status.state() == State.FAILED) {
            words.add("failed");
        }
        if (status.state() == State.ORPHANED
                || status.pending() > 0 && servers.stream().allMatch(ServerStatus::draining)) {
            words.add("nobody serves");
        }
        status.conditions().forEach(condition -> words.add(condition.word()));
        if (oldestMs >= LONG_MS) {
            words.add("oldest request " + Seconds.brief(oldestMs));
        }
        return words.length() == 0 ? null : words.toString();
    }
}
