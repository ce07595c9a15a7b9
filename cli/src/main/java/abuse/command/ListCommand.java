// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static abuse.command.Column.BS;
import static abuse.command.Column.DISK;
import static abuse.command.Column.ERRORS;
import static abuse.command.Column.NQ;
import static abuse.command.Column.OWNED;
import static abuse.command.Column.PENDING;
import static abuse.command.Column.PID;
import static abuse.command.Column.PROBLEM;
import static abuse.command.Column.QD;
import static abuse.command.Column.SERVES;
import static abuse.command.Column.SIZE;
import static abuse.command.Column.STATE;

import java.util.List;
import picocli.CommandLine.Model.OptionSpec;

/** Shows the disks. */
final class ListCommand extends Command {
    private final OptionSpec all = flag("-a,--all", "Also show the devices that are not set up.");
    private final DeviceTable table =
            new DeviceTable(this, List.of(DISK, SIZE, BS, QD, NQ, PENDING, OWNED, ERRORS, STATE, PID, SERVES, PROBLEM), false);

    ListCommand(Context context) {
        super(context, "list", "Shows the disks in a table.");
    }

    @Override
    void execute() throws Exception {
        table.printAll(isSet(all));
    }
}
