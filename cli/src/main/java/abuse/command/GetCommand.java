// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.TakenRequest;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows a request. */
final class GetCommand extends Command {
    static final String WAIT_HELP = "Wait for a request, at most SECONDS (default: no limit).";

    private final PositionalParamSpec name = deviceWord();
    private final OptionSpec wait = optionWithDefault("--wait", "SECONDS", Seconds.FOREVER, WAIT_HELP);
    private final OptionSpec json = flag("-J,--json", "Print JSON, with more details.");

    GetCommand(Context context) {
        super(context, "get", "Shows the next request.",
                "It only looks: the request is given back at once, and keeps waiting.");
    }

    @Override
    void execute() throws Exception {
        long nanoseconds = Seconds.parse("--wait", wait.getValue());
        try (Device device = open(name.getValue())) {
            TakenRequest taken = TakenRequest.from(device, nanoseconds).orElseThrow(() -> nothing(device, wait.getValue()));
            context.out.print(isSet(json)
                    ? RequestText.json(device.path(), taken.request())
                    : RequestText.lines(taken.request()));
            taken.close();
        }
    }

    /** No request came in the time that --wait gave. */
    static FailedException nothing(Device device, String waited) {
        return new FailedException(device.path() + (waited == null
                ? ": no request is waiting; add --wait to wait for one"
                : ": no request within " + Seconds.words(waited)));
    }
}
