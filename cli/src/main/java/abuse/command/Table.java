// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiConsumer;
import org.fusesource.jansi.Ansi;
import picocli.CommandLine.Model.OptionSpec;

/** Rows in lines and columns, or as JSON, as the tools of util-linux show what they list. */
final class Table<R> {
    private final Context context;
    private final List<? extends Field<R>> all;
    private final List<? extends Field<R>> usual;
    private final OptionSpec json;
    private final OptionSpec output;
    private final OptionSpec outputAll;
    private final OptionSpec noHeadings;
    private final OptionSpec bytes;

    /**
     * Gives a command the options.
     *
     * @param sizes whether there are sizes among the columns
     */
    Table(Command command, List<? extends Field<R>> all, List<? extends Field<R>> usual, boolean sizes) {
        context = command.context;
        this.all = all;
        this.usual = usual;
        json = command.flag("-J,--json", "Print JSON: all columns unless -o selects some" + (sizes ? ", and sizes in bytes." : "."));
        output = command.option("-o,--output", "COLUMNS", "Show these columns, separated by commas; +COLUMNS adds"
                + " them to the usual ones.");
        outputAll = command.flag("-O,--output-all", "Show all columns.");
        noHeadings = command.flag("-n,--noheadings", "Print no headings.");
        bytes = sizes ? command.flag("-b,--bytes", "Print sizes in bytes.") : null;
        command.helpTable("Columns:", this::help);
    }

    private Map<String, String> help() {
        var help = new LinkedHashMap<String, String>();
        all.forEach(field -> help.put(field.name(), field.help()));
        return help;
    }

    /** Whether an option asks for the table instead of the command's own format. */
    boolean isAskedFor() {
        return Command.isSet(json) || areColumnsGiven() || Command.isSet(outputAll) || Command.isSet(noHeadings)
                || bytes != null && Command.isSet(bytes);
    }

    /** Whether it was said which columns are wanted. */
    boolean areColumnsGiven() {
        return output.getValue() != null;
    }

    /** Those that are wanted. */
    List<? extends Field<R>> columns() throws UsageException {
        if (areColumnsGiven()) {
            if (Command.isSet(outputAll)) {
                throw new UsageException("--output and --output-all exclude each other");
            }
            return parse(output.getValue());
        }
        return Command.isSet(outputAll) || Command.isSet(json) ? all : usual;
    }

    /** Reads columns such as "SIZE,disk"; after a "+" they are added to the usual ones. */
    private List<Field<R>> parse(String words) throws UsageException {
        boolean more = words.startsWith("+");
        var columns = new ArrayList<Field<R>>(more ? usual : List.of());
        for (String word : (more ? words.substring(1) : words).split(",", -1)) {
            columns.add(named(word.strip()));
        }
        return columns;
    }

    private Field<R> named(String word) throws UsageException {
        for (Field<R> field : all) {
            if (field.name().equalsIgnoreCase(word)) {
                return field;
            }
        }
        List<String> names = all.stream().map(Field::name).toList();
        String near = Similar.to(word.toUpperCase(Locale.ROOT), names);
        throw new UsageException("unknown column '" + word + "'"
                + (near.isEmpty() ? "; there are " + String.join(", ", names) : near));
    }

    /**
     * Prints rows; no headings where there are none.
     *
     * @param key what they are in JSON
     */
    void print(List<? extends Field<R>> columns, String key, List<R> rows) {
        print(columns, key, rows, (row, members) -> {});
    }

    /**
     * The same with more in JSON than the columns.
     *
     * @param more adds it to a row's members
     */
    void print(List<? extends Field<R>> columns, String key, List<R> rows, BiConsumer<R, Map<String, Object>> more) {
        if (Command.isSet(json)) {
            printJson(columns, key, rows, more);
        } else if (!rows.isEmpty()) {
            printLines(columns, rows);
        }
    }

    private void printJson(List<? extends Field<R>> columns, String key, List<R> rows,
            BiConsumer<R, Map<String, Object>> more) {
        var list = new ArrayList<Map<String, Object>>();
        for (R row : rows) {
            var members = new LinkedHashMap<String, Object>();
            for (Field<R> column : columns) {
                members.put(column.key(), column.value(row));
            }
            more.accept(row, members);
            list.add(members);
        }
        context.out.println(Json.text(Map.of(key, list)));
    }

    private void printLines(List<? extends Field<R>> columns, List<R> rows) {
        boolean headings = !Command.isSet(noHeadings);
        List<String> names = columns.stream().map(Field::name).toList();
        int[] widths = new int[columns.size()];
        if (headings) {
            widen(widths, names);
        }
        // The words are made twice, because those of a million rows are too many to keep
        rows.forEach(row -> widen(widths, words(columns, row)));
        if (headings) {
            String text = text(columns, names, widths);
            context.out.println(context.colour() ? Ansi.ansi().bold().a(text).reset().toString() : text);
        }
        rows.forEach(row -> context.out.println(text(columns, words(columns, row), widths)));
    }

    private List<String> words(List<? extends Field<R>> columns, R row) {
        boolean inBytes = bytes != null && Command.isSet(bytes);
        return columns.stream().map(column -> Printable.text(column.text(row, inBytes))).toList();
    }

    private static void widen(int[] widths, List<String> words) {
        for (int i = 0; i < widths.length; i++) {
            widths[i] = Math.max(widths[i], words.get(i).length());
        }
    }

    private String text(List<? extends Field<R>> columns, List<String> line, int[] widths) {
        var text = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String padding = " ".repeat(widths[i] - line.get(i).length());
            text.append(i == 0 ? "" : " ").append(columns.get(i).isNumber() ? padding + line.get(i) : line.get(i) + padding);
        }
        return text.toString().stripTrailing();
    }
}
