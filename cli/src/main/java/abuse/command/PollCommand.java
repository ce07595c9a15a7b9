// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import java.util.LinkedHashMap;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Waits for a request. */
final class PollCommand extends Command {
    private final PositionalParamSpec name = deviceWord();
    private final OptionSpec timeout = option("--timeout", "SECONDS", "Wait at most SECONDS, and exit with 1 if no"
            + " request came.");
    private final OptionSpec json = flag("-J,--json", "Print JSON.");

    PollCommand(Context context) {
        super(context, "poll", "Waits for a request.",
                "It takes none, and ends as soon as there is one that is not answered, whether a server has it or not.");
    }

    @Override
    void execute() throws Exception {
        long nanoseconds = timeout.getValue() == null ? -1 : Seconds.parse("--timeout", timeout.getValue());
        // Rounded up, so as not to return early
        int milliseconds = nanoseconds < 0 ? -1 : (int) Math.min(Integer.MAX_VALUE, (nanoseconds + 999_999) / 1_000_000);
        try (Device device = open(name.getValue())) {
            int events = device.pollUnanswered(milliseconds);
            if (events == 0) {
                throw new FailedException(device.path() + ": no request within " + Seconds.words(timeout.getValue()));
            }
            if (isSet(json)) {
                var members = new LinkedHashMap<String, Object>();
                members.put("device", device.path());
                members.put("ready", 1);
                members.put("events", events);
                context.out.println(Json.text(members));
            } else {
                context.out.println("1 " + Integer.toHexString(events));
            }
        }
    }
}
