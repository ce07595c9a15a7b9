// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Config;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.FileErrors;
import abuse.device.Status;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.attribute.UserPrincipal;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Makes or changes a disk. */
final class SetupCommand extends Command {
    private final PositionalParamSpec first = words("0", "DEVICE", DeviceName.HELP);
    private final PositionalParamSpec others = PositionalParamSpec.builder().index("1..*").arity("0..*").type(List.class)
            .auxiliaryTypes(String.class).converters(Command::notEmpty).paramLabel("KEYS").hidden(true).build();

    private final OptionSpec owner = option("--owner", "USER", "Give the control node and the disk to USER, who may then"
            + " serve, use and reset it.");

    SetupCommand(Context context) {
        super(context, "setup", "Makes a disk, or changes it.");
        spec.addPositional(others);
        spec.usageMessage().customSynopsis("abusectl setup [-hV] [--owner=USER] [DEVICE] [KEY[=VALUE]...]");
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
        UserPrincipal user = owner.getValue() == null ? null : user(owner.getValue());
        // The keys of a new disk are checked first, so that mistakes are told even if there is no such device
        Config fresh = keys.isReconnect() ? null : keys.config(null);
        try (Device device = openOrMake(name, keys)) {
            if (fresh != null) {
                device.setup(fresh);
            } else {
                Status current = device.status();
                device.setup(keys.config(current.isSetUp() ? current : null));
            }
            if (user != null) {
                give(device, user, fresh != null);
            }
        }
    }

    private static UserPrincipal user(String name) throws FailedException, IOException {
        try {
            return FileSystems.getDefault().getUserPrincipalLookupService().lookupPrincipalByName(name);
        } catch (UserPrincipalNotFoundException e) {
            throw new FailedException("there is no user '" + name + "'");
        }
    }

    /** Gives both nodes away; a new disk is not left behind if that fails. */
    private void give(Device device, UserPrincipal user, boolean isNew) throws FailedException, DeviceException {
        String path = device.path();
        try {
            context.devices.give(path, user);
            path = device.status().disk();
            context.devices.give(path, user);
        } catch (IOException e) {
            if (isNew) {
                device.reset();
            }
            throw new FailedException(path + ": " + FileErrors.words(e) + "; only root may give it to " + user.getName());
        }
    }
}
