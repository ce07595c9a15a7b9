// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows and changes the filters of a disk while it is served. */
final class FilterCommand extends Command {
    /** What can be done. */
    static final List<String> CHANGES = List.of("list", "set", "add", "remove", "cut");

    private final PositionalParamSpec name = deviceWord();
    private final PositionalParamSpec change = words("1", "CHANGE", "list: show the filters (default); set: give one other values"
            + " for some keys; add: add one after all others; remove: take one away; cut: let powerfail cut the power");
    private final PositionalParamSpec filter = words("2", "FILTER", "The filter's name, as list shows it; with add, NAME[:KEY=VALUE,...]");
    private final PositionalParamSpec keys = words("3", "SETTINGS", "With set, KEY=VALUE,...; KEY= takes a key away");
    private final Table<FilterRow> table = new Table<>(this, List.of(FilterColumn.values()), List.of(FilterColumn.values()), false);

    FilterCommand(Context context) {
        super(context, "filter", "Shows and changes the filters of a disk while it is served.",
                "A filter lies between the users of a disk and the backend that keeps its bytes, and makes requests fail, wait and more.");
        spec.usageMessage().customSynopsis("abusectl filter [OPTION]... [DEVICE] [list]",
                "       abusectl filter [DEVICE] set FILTER [KEY=VALUE,...]",
                "       abusectl filter [DEVICE] add NAME[:KEY=VALUE,...]",
                "       abusectl filter [DEVICE] remove FILTER",
                "       abusectl filter [DEVICE] cut [FILTER]");
    }

    @Override
    void execute() throws Exception {
        var words = new ArrayList<String>();
        for (PositionalParamSpec word : List.of(name, change, filter, keys)) {
            if (word.getValue() != null) {
                words.add(word.getValue());
            }
        }
        String device = words.isEmpty() || CHANGES.contains(words.get(0)) ? null : words.remove(0);
        if (words.isEmpty()) {
            words.add("list");
        }
        check(words);
        List<? extends Field<FilterRow>> columns = table.columns();
        String path = path(device);
        List<String> lines = ServerTalk.ask(context, path, words);
        if (words.get(0).equals("list")) {
            table.print(columns, "filters", lines.stream().map(FilterRow::of).toList());
        }
    }

    /** What may be meant if keys stand behind a blank. */
    private static String joined(List<String> words, int most) {
        String last = words.get(most - 1);
        return !words.get(0).equals("add") || !words.get(most).contains("=") ? ""
                : "; did you mean '" + last + (last.contains(":") ? "," : ":") + String.join(",", words.subList(most, words.size())) + "'?";
    }

    /** Refuses words that no server would take, and adds where relative paths begin. */
    private void check(List<String> words) throws UsageException {
        String what = words.get(0);
        if (!CHANGES.contains(what)) {
            throw new UsageException("'" + what + "' is none of " + String.join(", ", CHANGES) + Similar.to(what, CHANGES));
        }
        int most = what.equals("list") ? 1 : what.equals("set") ? 3 : 2;
        int least = what.equals("cut") ? 1 : most == 3 ? 2 : most;
        if (words.size() > most) {
            throw new UsageException("unexpected argument '" + words.get(most) + "'" + joined(words, most));
        }
        if (words.size() < least) {
            throw new UsageException("FILTER is missing");
        }
        if (table.isAskedFor() && !what.equals("list")) {
            throw new UsageException("'" + what + "' prints nothing, so options for columns are of no use");
        }
        if (what.equals("set") && words.size() == 2) {
            words.add("");
        }
        if (what.equals("set") || what.equals("add")) {
            words.add(Path.of("").toAbsolutePath().toString());
        }
        ServerTalk.check(words);
    }
}
