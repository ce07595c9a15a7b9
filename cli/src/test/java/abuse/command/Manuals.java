// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.filter.FilterFactory;
import abuse.filter.Filters;
import abuse.filter.Key;
import abuse.filter.Selection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Makes manual pages from the model and from the handwritten parts in man/src: text, a line @OPTIONS@, sections. */
final class Manuals {
    private static final String HEADING = """
            .\\" SPDX-License-Identifier: Apache-2.0
            .\\" Made by 'make generated' from man/src and the command line's own model
            .TH %s 8 2026-11-23 "abuse 1.0.0" "System Administration"
            .SH NAME
            %s \\- %s
            .SH SYNOPSIS
            .B %s
            %s
            .SH DESCRIPTION
            """;

    /** The pages of commands that are used together, and those that tell more of what they do. */
    private static final List<List<String>> FAMILIES = List.of(List.of("run", "server", "setup", "resize", "reset"),
            List.of("server", "filter", "servers", "requeue", "quiesce", "resume", "abuse@.service (8)"),
            List.of("list", "info", "servers", "requests", "metrics", "top", "trace"), List.of("requests", "requeue"),
            List.of("map", "unmap", "maps", "setup", "abuse\\-map (4)"), List.of("filter", "mark", "replay", "crashes", "abuse\\-testing (7)"),
            List.of("get", "put", "poll", "requests"));

    private Manuals() {}

    static String root(String byHand) {
        var commands = new ArrayList<String>();
        for (CommandSpec command : Model.commands()) {
            commands.add(".TP\n.BR abusectl\\-" + command.name() + " (8)\n" + text(command.usageMessage().description()[0]));
        }
        String[] parts = byHand.replace("@COMMANDS@", String.join("\n", commands)).split("@OPTIONS@\n");
        return HEADING.formatted("ABUSECTL", "abusectl", "make and answer block devices in user space", "abusectl",
                "[\\fIoptions\\fP] \\fIcommand\\fP [\\fIargument\\fP ...]")
                + parts[0] + options(Model.ROOT) + parts[1] + exitStatus(Model.ROOT) + seeAlso(Model.commands().stream()
                        .map(command -> "abusectl\\-" + command.name() + " (8)").toList(), "abuse\\-map (4)", "abuse\\-testing (7)", "abuse@.service (8)", "losetup (8)");
    }

    static String command(CommandSpec command, String byHand) {
        String name = "abusectl\\-" + command.name();
        String[] description = command.usageMessage().description();
        String brief = description[0].substring(0, 1).toLowerCase() + description[0].substring(1).replaceAll("\\.$", "");
        String[] parts = byHand.split("@OPTIONS@\n");
        var page = new StringBuilder(HEADING.formatted("ABUSECTL\\-" + command.name().toUpperCase(), name, text(brief),
                "abusectl " + command.name(), synopsis(command)));
        for (String line : description) {
            page.append(text(line)).append('\n');
        }
        page.append(parts[0]).append(options(command));
        if (command.options().stream().anyMatch(option -> option.paramLabel().equals("COLUMNS"))) {
            page.append(".SH COLUMNS\n");
            for (Field<?> column : Model.columns(command)) {
                page.append(".TP\n.B ").append(column.name()).append('\n').append(text(column.help())).append('\n');
            }
        }
        if (command.options().stream().anyMatch(option -> option.paramLabel().equals("EVENTS"))) {
            page.append(".SH EVENTS\n");
            TraceCommand.help().forEach((word, help) ->
                    page.append(".TP\n.B ").append(word).append('\n').append(text(help)).append('\n'));
        }
        return page.append(parts[1].replace("@FILTERS@\n", command.name().equals("filter") ? filters() : "")).append(exitStatus(command))
                .append(seeAlso(command.name())).toString();
    }

    private static String seeAlso(String command) {
        var commands = new TreeSet<String>();
        var pages = new TreeSet<String>();
        for (List<String> family : FAMILIES) {
            if (family.contains(command)) {
                family.forEach(page -> (page.contains("(") ? pages : commands).add(page));
            }
        }
        commands.remove(command);
        var all = new ArrayList<>(List.of("abusectl (8)"));
        commands.forEach(name -> all.add("abusectl\\-" + name + " (8)"));
        return seeAlso(all, pages.toArray(String[]::new));
    }

    /** The filters, whose keys come from themselves. */
    private static String filters() {
        var filters = new StringBuilder(".SH FILTERS\n");
        for (FilterFactory factory : new Filters().all()) {
            filters.append(".SS ").append(factory.name()).append('\n').append(text(factory.help())).append('\n')
                    .append(keys(factory.keys()));
        }
        String none = new Filters().all().stream().filter(factory -> Filters.usefulKeys(factory).size() == factory.keys().size())
                .map(FilterFactory::name).collect(Collectors.joining(" and "));
        return filters.append(".SH KEYS OF MOST FILTERS\n").append(text(none + " have none of these.")).append('\n').append(keys(Selection.KEYS)).toString();
    }

    private static String keys(List<Key> keys) {
        var lines = new StringBuilder();
        for (Key key : keys) {
            String help = key.help().substring(0, 1).toUpperCase() + key.help().substring(1)
                    + (key.fallback() == null ? "." : ". Default: " + key.fallback() + ".");
            lines.append(".TP\n.B ").append(key.form().replace("|", " | ").replace("-", "\\-")).append('\n').append(text(help)).append('\n');
        }
        return lines.toString();
    }

    private static String synopsis(CommandSpec command) {
        String[] custom = command.usageMessage().customSynopsis();
        if (custom.length > 0) {
            return Arrays.stream(custom).map(Manuals::synopsis).collect(Collectors.joining("\n.br\n.B abusectl " + command.name() + "\n"));
        }
        var words = new StringBuilder("[\\fIoptions\\fP]");
        command.options().stream().filter(OptionSpec::required).forEach(option -> words.append("\n\\fB")
                .append(option.longestName().replace("-", "\\-")).append("\\fP=\\fI").append(option.paramLabel()).append("\\fP"));
        command.positionalParameters().forEach(word -> {
            String label = word.paramLabel().replaceAll("([A-Z]+)", "\\\\fI$1\\\\fP");
            words.append(word.required() ? " " + label : " [" + label + "]");
        });
        return words.toString();
    }

    /** A line of a synopsis that was written by hand, without its command, and with one word for all options. */
    private static String synopsis(String line) {
        String words = line.replaceFirst(" *abusectl \\S+ ?", "");
        String rest = words.replaceAll("\\[(-[^]]*|OPTION)](\\.\\.\\.)? ?", "");
        return (rest.length() < words.length() ? "[\\fIoptions\\fP] " : "")
                + rest.replaceAll("([A-Z]+)", "\\\\fI$1\\\\fP").replaceAll("\\b([a-z]+)\\b", "\\\\fB$1\\\\fP");
    }

    private static String options(CommandSpec command) {
        var lines = new StringBuilder(".SH OPTIONS\n");
        for (PositionalParamSpec word : command.positionalParameters()) {
            if (!word.hidden()) {
                lines.append(".TP\n.I ").append(word.paramLabel()).append('\n').append(text(word.description())).append(".\n");
            }
        }
        for (OptionSpec option : command.options()) {
            String value = "=\\fI" + option.paramLabel() + "\\fP";
            lines.append(".TP\n").append(String.join(", ", Arrays.stream(option.names())
                    .map(name -> "\\fB" + name.replace("-", "\\-") + "\\fP").toList()))
                    .append(option.arity().max() == 0 ? "" : option.arity().min() == 0 ? "[" + value + "]" : value)
                    .append('\n').append(text(option.description())).append('\n');
        }
        return lines.toString();
    }

    /** What all commands have, with what only this one has. */
    private static String exitStatus(CommandSpec command) {
        var lines = new StringBuilder(".SH EXIT STATUS\n");
        var all = new LinkedHashMap<>(Model.ROOT.usageMessage().exitCodeList());
        all.putAll(command.usageMessage().exitCodeList());
        all.forEach((code, words) -> lines.append(".TP\n.B ").append(code).append('\n').append(text(words)).append('\n'));
        return lines.toString();
    }

    private static String seeAlso(List<String> pages, String... more) {
        var all = new ArrayList<>(pages);
        all.add("abuse (4)");
        all.addAll(List.of(more));
        return ".SH SEE ALSO\n.BR " + String.join(" ,\n.BR ", all) + "\n";
    }

    /** Breaks text into lines that are pleasant to read, and escapes what troff would interpret. */
    private static String text(String... sentences) {
        var lines = new StringBuilder();
        for (String sentence : String.join(" ", sentences).split("(?<=[.]) ")) {
            int width = 0;
            for (String word : sentence.split(" ")) {
                boolean breaks = width > 0 && width + word.length() > 78;
                lines.append(lines.length() == 0 ? "" : width == 0 || breaks ? "\n" : " ");
                width = breaks ? 0 : width;
                if (width == 0 && (word.startsWith(".") || word.startsWith("'"))) {
                    lines.append("\\&");
                }
                lines.append(word.replace("\\", "\\e").replace("-", "\\-"));
                width += word.length() + 1;
            }
        }
        return lines.toString();
    }
}
