// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Advice;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.DeviceException.Reason;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/**
 * A subcommand. Its model is built by hand and not from annotations, whose reading would be a fifth
 * of a one-shot command's start.
 */
abstract class Command implements Callable<Integer> {
    final Context context;
    final CommandSpec spec = CommandSpec.wrapWithoutInspection(this);

    /** The first line of the description is also shown in the list of commands. */
    Command(Context context, String name, String... description) {
        this.context = context;
        spec.name(name);
        spec.usageMessage().description(description).sortOptions(false);
        Cli.addStandardOptions(spec);
    }

    /** Carries out the command; unless it throws, the exit code is 0. */
    abstract void execute() throws Exception;

    @Override
    public final Integer call() throws Exception {
        execute();
        return 0;
    }

    /** An option without a value. All options have one name, or several with commas between them. */
    final OptionSpec flag(String names, String description) {
        return add(OptionSpec.builder(names.split(",")).type(boolean.class).description(description));
    }

    /** An option with a value. */
    final OptionSpec option(String names, String label, String description) {
        return add(OptionSpec.builder(names.split(",")).type(String.class).converters(Command::notEmpty).arity("1").paramLabel(label)
                .description(description));
    }

    /** An option with a value that must be given. */
    final OptionSpec neededOption(String name, String label, String description) {
        return add(OptionSpec.builder(name).type(String.class).converters(Command::notEmpty).arity("1").required(true).paramLabel(label)
                .description(description));
    }

    /** An option with a value that may be given more than once. */
    final OptionSpec options(String name, String label, String description) {
        return add(OptionSpec.builder(name).type(List.class).auxiliaryTypes(String.class).converters(Command::notEmpty).arity("1")
                .paramLabel(label).description(description));
    }

    /** An option whose value may be left out, and must be attached with "=". */
    final OptionSpec optionWithDefault(String name, String label, String fallback, String description) {
        return add(OptionSpec.builder(name).type(String.class).arity("0..1").fallbackValue(fallback).paramLabel(label)
                .preprocessor((args, command, option, info) -> {
                    if ("=".equals(info.get("separator"))) {
                        return false;
                    }
                    String next = args.isEmpty() ? "" : args.peek();
                    if (next.matches("[0-9.]+m?s?")) {
                        throw new CommandLine.ParameterException(command.commandLine(), "'" + name + " " + next
                                + "' is ambiguous; write '" + name + "=" + next + "', or the device by its path");
                    }
                    option.setValue(fallback);
                    return true;
                }).description(description));
    }

    /** A word that is not an option, and may be left out; each part of its description begins a line of the help. */
    final PositionalParamSpec words(String index, String label, String... description) {
        return words(index, label, false, description);
    }

    /** A word that must be there, behind one that may be left out, whose place it then has. */
    final PositionalParamSpec lastWord(String index, String label, String description) {
        return words(index, label, true, description);
    }

    private PositionalParamSpec words(String index, String label, boolean plainLabel, String... description) {
        var words = PositionalParamSpec.builder().index(index).arity("0..1").type(String.class).converters(Command::notEmpty)
                .paramLabel(label).hideParamSyntax(plainLabel).description(description).build();
        spec.addPositional(words);
        return words;
    }

    /** A word that is not an option, and must be there. */
    final PositionalParamSpec word(String index, String label, String description) {
        var word = PositionalParamSpec.builder().index(index).arity("1").required(true).type(String.class)
                .converters(Command::notEmpty).paramLabel(label).description(description).build();
        spec.addPositional(word);
        return word;
    }

    /** A shell makes an empty word of a variable that is not set, which must not become the default. */
    static String notEmpty(String word) {
        if (word.isEmpty()) {
            throw new CommandLine.TypeConversionException("is empty");
        }
        return word;
    }

    /** The optional name of a device. */
    final PositionalParamSpec deviceWord() {
        return words("0", "DEVICE", DeviceName.HELP);
    }

    static boolean isSet(OptionSpec flag) {
        return Boolean.TRUE.equals(flag.getValue());
    }

    final Device open(String name) throws DeviceException, UsageException {
        return context.devices.open(path(name));
    }

    /** A number that the module has no device for makes one, if the caller may, and the keys suit a new one. */
    final Device openOrMake(String name, SetupKeys keys) throws DeviceException, UsageException {
        try {
            return open(name);
        } catch (DeviceException e) {
            Integer number = DeviceName.number(path(name));
            if (e.reason() != Reason.MISSING || number == null) {
                throw e;
            }
            keys.config(null);
            try {
                return context.devices.open(context.devices.make(number));
            } catch (DeviceException refusal) {
                throw e;
            }
        }
    }

    /** The paths of all control nodes; fails if there are none. */
    final List<String> allPaths() throws FailedException {
        List<String> paths = context.devices.list();
        if (paths.isEmpty()) {
            throw new FailedException(Advice.noDevices(context.devices.isModuleLoaded()));
        }
        return paths;
    }

    /** The control node of a device by any of its names; without a name, that of the default device. */
    final String path(String name) throws UsageException {
        String word = name != null ? name : context.environment.getOrDefault("ABUSECTL_DEVICE", "");
        if (!word.isEmpty() && !DeviceName.isOne(word)) {
            throw new UsageException("'" + word + "' is not a device, such as /dev/abctlN, /dev/abuseN, abctlN, abuseN or N");
        }
        return DeviceName.path(word);
    }

    /** The value of an option that limits how often something is done; without it there is no limit. */
    static long limit(OptionSpec option) throws UsageException {
        return option.getValue() == null ? Long.MAX_VALUE : Sizes.number(option.longestName() + "=", option.getValue());
    }

    /** Shows a table at the end of the help, which picocli lays out when it is asked for, unless it is empty then. */
    final void helpTable(String heading, Supplier<Map<String, String>> rows) {
        spec.usageMessage().sectionMap().put(UsageMessageSpec.SECTION_KEY_FOOTER, help -> {
            Map<String, String> all = rows.get();
            return all.isEmpty() ? "" : help.createHeading("%n" + heading + "%n") + help.createTextTable(all);
        });
    }

    /** Says in the help what an exit status means that only this command has, or that means more here. */
    final void exitStatus(Map<String, String> meanings) {
        spec.usageMessage().exitCodeListHeading("%nExit status:%n").exitCodeList(meanings);
    }

    private OptionSpec add(OptionSpec.Builder builder) {
        OptionSpec option = builder.build();
        spec.addOption(option);
        return option;
    }
}
