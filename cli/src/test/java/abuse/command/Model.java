// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.backend.Backends;
import abuse.device.SimulatedDevices;
import abuse.filter.FilterFactory;
import abuse.filter.Filters;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The command line as completions and manuals see it. */
final class Model {
    static final CommandSpec ROOT = root();

    private Model() {}

    private static CommandSpec root() {
        var context = new Context(InputStream.nullInputStream(), OutputStream.nullOutputStream(),
                OutputStream.nullOutputStream(), Map.of(), new SimulatedDevices(), stop -> {}, () -> false);
        return new Cli(context).commandLine().getCommandSpec();
    }

    static Collection<CommandSpec> commands() {
        return ROOT.subcommands().values().stream().map(CommandLine::getCommandSpec).toList();
    }

    /** The value that must follow an option, separately or after "="; empty if there is none, or it is optional. */
    static String value(CommandSpec command, OptionSpec option) {
        return option.arity().min() == 0 ? "" : label(command, option);
    }

    /** What an option's value may be: its label, but for columns, of which each table has its own. */
    static String label(CommandSpec command, OptionSpec option) {
        String label = option.paramLabel();
        if (!label.equals("COLUMNS")) {
            return label;
        }
        Field<?>[] columns = columns(command);
        return columns instanceof ServerColumn[] ? "SERVER_COLUMNS" : columns instanceof RequestColumn[] ? "REQUEST_COLUMNS"
                : columns instanceof MapColumn[] ? "MAP_COLUMNS"
                : columns instanceof LogColumn[] ? "LOG_COLUMNS"
                : columns instanceof FilterColumn[] ? "FILTER_COLUMNS" : label;
    }

    /**
     * What each position after the command may hold. If the first word may be left out, what comes after each may stand
     * in its place, too.
     */
    static List<List<String>> places(CommandSpec command) {
        var places = new ArrayList<List<String>>();
        for (PositionalParamSpec word : command.positionalParameters()) {
            places.add(new ArrayList<>(List.of(word.paramLabel())));
        }
        boolean shifts = !places.isEmpty() && !command.positionalParameters().get(0).required();
        for (int i = 0; shifts && i + 1 < places.size(); i++) {
            places.get(i).addAll(places.get(i + 1));
        }
        return places;
    }

    static boolean repeats(CommandSpec command) {
        return command.positionalParameters().stream().anyMatch(word -> word.index().isUnresolved() || word.index().max() > 9);
    }

    /** The words that a label stands for; none if it is not a choice of fixed words. */
    static List<String> words(String label) {
        return switch (label) {
            case "COLUMNS" -> names(Column.values());
            case "SERVER_COLUMNS" -> names(ServerColumn.values());
            case "REQUEST_COLUMNS" -> names(RequestColumn.values());
            case "MAP_COLUMNS" -> names(MapColumn.values());
            case "FILTER_COLUMNS" -> names(FilterColumn.values());
            case "LOG_COLUMNS" -> names(LogColumn.values());
            case "CHANGE" -> FilterCommand.CHANGES;
            case "KEYS" -> SetupKeys.words();
            case "BACKEND" -> new Backends().words();
            case "FILTER" -> new Filters().all().stream().map(FilterFactory::name).toList();
            case "WHAT" -> List.of("media", "device");
            case "COMMAND" -> {
                var commands = new ArrayList<>(ROOT.subcommands().keySet());
                commands.add("help");
                yield commands;
            }
            default -> List.of();
        };
    }

    private static List<String> names(Field<?>... columns) {
        return Arrays.stream(columns).map(Field::name).toList();
    }

    /** The columns of a command's table. */
    static Field<?>[] columns(CommandSpec command) {
        return switch (command.name()) {
            case "servers" -> ServerColumn.values();
            case "requests" -> RequestColumn.values();
            case "maps" -> MapColumn.values();
            case "filter" -> FilterColumn.values();
            case "replay" -> LogColumn.values();
            default -> Column.values();
        };
    }

    static List<String> longNames(CommandSpec command) {
        return command.options().stream().map(OptionSpec::longestName).toList();
    }

    /** The beginning of a description, as short as one line in a list must be. */
    static String brief(String... description) {
        return String.join(" ", description).split("[.:;] |[.:;]$")[0].replace("%n", " ");
    }

    static String lines(Collection<String> lines) {
        return lines.stream().collect(Collectors.joining("\n"));
    }
}
