// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.DeviceException.Reason;
import abuse.device.Status;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Makes or changes a disk. */
final class SetupCommand extends Command {
    private final PositionalParamSpec first = words("0", "DEVICE", DeviceName.HELP);
    private final PositionalParamSpec others = PositionalParamSpec.builder().index("1..*").arity("0..*").type(List.class)
            .auxiliaryTypes(String.class).paramLabel("KEYS").hidden(true).build();

    SetupCommand(Context context) {
        super(context, "setup", "Makes a disk, or changes it.");
        spec.addPositional(others);
        spec.usageMessage().customSynopsis("abusectl setup [DEVICE] [KEY[=VALUE]...]");
        helpTable("Keys (and their defaults), with commas or spaces between them; sizes take " + Sizes.UNITS_HELP
                + ", times s or ms:", SetupKeys::help);
    }

    @Override
    void execute() throws Exception {
        List<String> rest = new ArrayList<>();
        if (first.getValue() != null) {
            rest.add(first.getValue());
        }
        if (others.getValue() != null) {
            rest.addAll(others.<List<String>>getValue());
        }
        String name = null;
        if (!rest.isEmpty() && DeviceName.isOne(rest.get(0))) {
            name = rest.get(0);
            rest = rest.subList(1, rest.size());
        }
        var keys = new SetupKeys(rest);
        if (keys.isAutoremove()) {
            throw new UsageException("'autoremove' would take the disk away when this command ends; 'abusectl run' makes such"
                    + " a disk");
        }
        if (keys.isReconnect()) {
            try (Device device = openOrMake(name)) {
                Status current = device.status();
                device.setup(keys.config(current.isSetUp() ? current : null));
            }
        } else {
            // The keys are checked first, so that mistakes are told even if there is no such device
            var config = keys.config(null);
            try (Device device = openOrMake(name)) {
                device.setup(config);
            }
        }
    }

    /** A number that the module has no device for makes one, if the caller may. */
    private Device openOrMake(String name) throws DeviceException, UsageException {
        try {
            return open(name);
        } catch (DeviceException e) {
            Integer number = DeviceName.number(path(name));
            if (e.reason() != Reason.MISSING || number == null) {
                throw e;
            }
            try {
                return context.devices.open(context.devices.make(number));
            } catch (DeviceException refusal) {
                throw e;
            }
        }
    }
}
