// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.util.List;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Puts a mark into what the 'record' filter writes. */
final class MarkCommand extends Command {
    private final PositionalParamSpec first = words("0", "DEVICE", DeviceName.HELP);
    private final PositionalParamSpec second = lastWord("1", "TEXT", "What the mark says, by which it is found again");

    MarkCommand(Context context) {
        super(context, "mark", "Puts a mark into the record of a disk.",
                "The server of the disk must have the 'record' filter, and the mark comes after all requests that have ended so far.");
        spec.usageMessage().customSynopsis("abusectl mark [-hV] [DEVICE] TEXT");
    }

    @Override
    void execute() throws Exception {
        boolean named = second.getValue() != null;
        String text = named ? second.getValue() : first.getValue();
        if (text == null || text.isEmpty()) {
            throw new UsageException("TEXT is missing");
        }
        if (!named && DeviceName.isOne(text)) {
            throw new UsageException("'" + text + "' is a device; TEXT is missing");
        }
        List<String> words = List.of("mark", text);
        ServerTalk.check(words);
        ServerTalk.ask(context, path(named ? first.getValue() : null), words);
    }
}
