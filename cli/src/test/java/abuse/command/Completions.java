// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static java.util.stream.Collectors.joining;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Fills in the templates of completions/ from the model. */
final class Completions {
    static final Map<String, java.util.function.Supplier<Map<String, String>>> FILES = Map.of(
            "completions/abusectl.bash", Completions::bash,
            "completions/_abusectl", Completions::zsh,
            "completions/abusectl.fish", Completions::fish);

    private Completions() {}

    private static String joined(String label) {
        return String.join(" ", Model.words(label));
    }

    private static String plainBackends() {
        return Model.words("BACKEND").stream().filter(name -> !name.endsWith(":")).collect(joining(" "));
    }

    private static Map<String, String> bash() {
        var values = new ArrayList<String>();
        var cases = new ArrayList<String>();
        for (CommandSpec command : Model.commands()) {
            var byLabel = new TreeMap<String, List<String>>();
            for (OptionSpec option : command.options()) {
                for (String name : option.names()) {
                    byLabel.computeIfAbsent(kind(Model.value(command, option)), label -> new ArrayList<>()).add("'" + command.name() + " " + name + "'");
                }
            }
            byLabel.remove("");
            byLabel.forEach((label, names) -> values.add("\t" + String.join(" | ", names) + ") value='" + label + "' ;;"));
            String places = Model.places(command).stream().map(labels -> labels.stream().map(Completions::kind).collect(joining("|"))).collect(joining(" "));
            cases.add("\t" + command.name() + ")\n\t\toptions='" + String.join(" ", Model.longNames(command)) + "'\n\t\tplaces='"
                    + places + (Model.repeats(command) ? "+" : "") + "'\n\t\t;;");
        }
        return Map.of("VALUES", Model.lines(values), "COMMANDS", Model.lines(cases),
                "OPTIONS", String.join(" ", Model.longNames(Model.ROOT)),
                "WORDS", List.of("COMMAND", "KEYS", "COLUMNS", "SERVER_COLUMNS", "REQUEST_COLUMNS", "MAP_COLUMNS", "FILTER_COLUMNS", "LOG_COLUMNS", "BACKEND", "FILTER", "CHANGE",
                        "WHAT").stream()
                        .map(label -> "\t\t[" + label + "]='" + joined(label) + "'").collect(joining("\n")));
    }

    private static Map<String, String> zsh() {
        var commands = new ArrayList<String>();
        var cases = new ArrayList<String>();
        for (CommandSpec command : Model.commands()) {
            commands.add("\t\t'" + command.name() + ":" + zshText(Model.brief(command.usageMessage().description()[0])) + "'");
            var arguments = new ArrayList<String>();
            for (OptionSpec option : command.options()) {
                boolean several = option.isMultiValue();
                String text = "'[" + zshText(Model.brief(option.description())) + "]";
                String value = option.arity().max() == 0 ? "" : ":" + zshLabel(option.paramLabel()) + ":" + action(Model.label(command, option));
                String sign = option.arity().max() == 0 ? "" : option.arity().min() == 0 ? "=-" : "=";
                // An optional value must be attached, and is not asked for
                value = option.arity().min() == 0 && option.arity().max() > 0 ? ":" + value : value;
                String exclude = several ? "'*'" : "'(" + String.join(" ", option.names()) + ")'";
                String names = String.join(",", List.of(option.names()).stream()
                        .map(name -> name.startsWith("--") ? name + sign : name + (sign.isEmpty() ? "" : "+")).toList());
                arguments.add(exclude + (option.names().length > 1 ? "{" + names + "}" : names) + text + value + "'");
            }
            List<List<String>> places = Model.places(command);
            for (int i = 0; i < places.size(); i++) {
                boolean last = i == places.size() - 1 && Model.repeats(command);
                arguments.add("'" + (last ? "*" : String.valueOf(i + 1)) + ":" + zshLabel(String.join(" or ", places.get(i))) + ":"
                        + (places.get(i).size() == 1 ? action(places.get(i).get(0)) : places.get(i).stream()
                                .map(Completions::action).filter(action -> action.startsWith("_")).collect(joining("; ", "{", "}")))
                        + "'");
            }
            cases.add("\t" + command.name() + ")\n\t\t_arguments -s " + String.join(" \\\n\t\t\t", arguments) + "\n\t\t;;");
        }
        var values = new HashMap<>(Map.of("COMMANDS", Model.lines(commands), "CASES", Model.lines(cases),
                "OPTIONS", String.join(" ", Model.longNames(Model.ROOT)), "PLAIN_BACKENDS", plainBackends()));
        for (String label : List.of("KEYS", "COLUMNS", "SERVER_COLUMNS", "REQUEST_COLUMNS", "MAP_COLUMNS", "FILTER_COLUMNS", "LOG_COLUMNS", "FILTER", "CHANGE", "WHAT")) {
            values.put(label, joined(label));
        }
        return values;
    }

    private static String action(String label) {
        return switch (kind(label)) {
            case "DEVICE", "BLOCK", "USER", "FOLDER", "KEYS", "COLUMNS", "SERVER_COLUMNS", "REQUEST_COLUMNS", "MAP_COLUMNS", "FILTER_COLUMNS", "LOG_COLUMNS", "BACKEND", "FILE", "FILTER", "JAR",
                    "CHANGE", "WHAT" -> "_abusectl_" + kind(label);
            case "IMAGE" -> "_abusectl_FILE";
            default -> " ";
        };
    }

    /** What to offer for a label, as the templates name it. */
    private static String kind(String label) {
        return label.equals("DEVICE|SIZE[,piece=SIZE]") || label.equals("TARGET[:AT]") ? "BLOCK" : label;
    }

    private static String zshText(String text) {
        return zshLabel(text.replace("'", "")).replace("[", "(").replace("]", ")");
    }

    private static String zshLabel(String label) {
        return label.replace(":", "\\:");
    }

    private static Map<String, String> fish() {
        var lines = new ArrayList<String>();
        for (OptionSpec option : Model.ROOT.options()) {
            lines.add("complete -c abusectl -n __fish_use_subcommand" + fishOption(Model.ROOT, option));
        }
        for (CommandSpec command : Model.commands()) {
            lines.add("complete -c abusectl -n __fish_use_subcommand -a " + command.name() + " -d '"
                    + fishText(Model.brief(command.usageMessage().description()[0])) + "'");
            String seen = "complete -c abusectl -n '__fish_seen_subcommand_from " + command.name() + "'";
            for (OptionSpec option : command.options()) {
                lines.add(seen + fishOption(command, option));
            }
            Model.places(command).stream().flatMap(List::stream).distinct().filter(label -> action(label).startsWith("_"))
                    .forEach(label -> lines.add(seen + (label.equals("FILE") ? " -F" : " -a '(__abusectl_" + kind(label) + ")'")));
        }
        var values = new HashMap<>(Map.of("LINES", Model.lines(lines), "PLAIN_BACKENDS", plainBackends()));
        for (String label : List.of("COMMAND", "KEYS", "COLUMNS", "SERVER_COLUMNS", "REQUEST_COLUMNS", "MAP_COLUMNS", "FILTER_COLUMNS", "LOG_COLUMNS",
                "FILTER", "CHANGE")) {
            values.put(label, joined(label));
        }
        return values;
    }

    private static String fishOption(CommandSpec command, OptionSpec option) {
        var line = new StringBuilder();
        for (String name : option.names()) {
            line.append(name.startsWith("--") ? " -l " + name.substring(2) : " -s " + name.substring(1));
        }
        line.append(switch (kind(Model.value(command, option))) {
            case "" -> "";
            case "FILE", "IMAGE", "JAR" -> " -r -F";
            case "BLOCK", "USER", "FOLDER" -> " -x -a '(__abusectl_" + kind(option.paramLabel()) + ")'";
            case "FILTER", "WHAT" -> " -x -a '" + joined(option.paramLabel()) + "'";
            case "COLUMNS", "SERVER_COLUMNS", "REQUEST_COLUMNS", "MAP_COLUMNS", "FILTER_COLUMNS", "LOG_COLUMNS" -> " -x -a '(__abusectl_" + Model.label(command, option) + ")'";
            default -> " -x";
        });
        return line + " -d '" + fishText(Model.brief(option.description())) + "'";
    }

    private static String fishText(String text) {
        return text.replace("\\", "\\\\").replace("'", "\\'");
    }
}
