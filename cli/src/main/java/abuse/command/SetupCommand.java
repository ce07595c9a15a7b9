// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
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
        spec.usageMessage().customSynopsis("abusectl setup [DEVICE] [KEY[=VALUE]...]").footer("",
                "Keys, with commas or spaces between them; sizes take " + Sizes.UNITS_HELP + ":",
                "  sz, size=SIZE             size of the disk (16M)",
                "  bs, blocksize=SIZE        block size, a power of two, 512 to 64K (4096)",
                "  pbs, physicalblocksize=SIZE",
                "                            what the storage writes at once (the block size)",
                "  qs, queuesize=N           requests of a hardware queue, 1 to 4096 (128)",
                "  nq, queues=N              hardware queues, up to one a processor (1)",
                "  mr, maxrequest=SIZE       longest read or write, 4K to 1M (1M)",
                "  timeout=SECONDS           fail requests unanswered after SECONDS; 0: never (0)",
                "  ro, rw                    read-only, or writable (rw)",
                "  wc, writecache[=on|off]   pass flush and FUA to the server (on)",
                "  discard[=on|off]          offer discard (off)",
                "  wz, writezeroes[=on|off]  offer writing zeroes without data (off)",
                "  reconnect                 change a disk in use and keep its requests; what",
                "                            is not given stays as it is");
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
        if (keys.isReconnect()) {
            try (Device device = open(name)) {
                Status current = device.status();
                device.setup(keys.config(current.isSetUp() ? current : null));
            }
        } else {
            // Before the device is touched: what is wrong with the words is wrong without it, too
            var config = keys.config(null);
            try (Device device = open(name)) {
                device.setup(config);
            }
        }
    }
}
