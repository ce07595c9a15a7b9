// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import java.util.OptionalInt;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Keeps requests from servers for a while. */
final class QuiesceCommand extends Command {
    private final PositionalParamSpec name = deviceWord();
    private final OptionSpec timeout = option("--timeout", "SECONDS", "Wait no longer than this for answers, such as 5 or"
            + " 500ms; 0 does not wait. The disk stays quiesced even if they do not come in time.");

    QuiesceCommand(Context context) {
        super(context, "quiesce", "Keeps requests from all servers until 'abusectl resume'.",
                "Waits until those that they have are answered, so that nobody uses what is behind the disk. The users of the"
                        + " disk wait.");
    }

    @Override
    void execute() throws Exception {
        long milliseconds = timeout.getValue() == null ? -1 : Seconds.milliseconds("--timeout=", timeout.getValue());
        try (Device device = open(name.getValue())) {
            int limit = device.status().limits().timeoutMs();
            if (milliseconds > limit) {
                throw new UsageException("--timeout=" + timeout.getValue() + " is longer than " + Seconds.brief(limit));
            }
            OptionalInt left = device.quiesce((int) milliseconds);
            if (left.isPresent()) {
                int owned = left.getAsInt();
                String what = owned == 0 ? "I/O to what is mapped is" : owned == 1 ? "1 request is" : owned + " requests are";
                throw new FailedException(device.path() + ": " + what + " not answered after "
                        + Seconds.words(timeout.getValue()) + ", and no more are handed out; 'abusectl requests' shows who has them, 'abusectl resume' undoes this");
            }
        }
    }
}
