// SPDX-License-Identifier: Apache-2.0
package abuse.command;

/** What can be shown of a filter of a disk that is served. */
enum FilterColumn implements Field<FilterRow> {
    NAME("its name; with # and a number, from the outermost one on, if there are several of that name"),
    MATCHED("requests so far that it could act on, by op, range and when"),
    KEYS("its keys");

    private final String help;

    FilterColumn(String help) {
        this.help = help;
    }

    @Override
    public String help() {
        return help;
    }

    @Override
    public boolean isNumber() {
        return this == MATCHED;
    }

    @Override
    public Object value(FilterRow filter) {
        return switch (this) {
            case NAME -> filter.name();
            case MATCHED -> filter.matched();
            case KEYS -> filter.values();
        };
    }

    @Override
    public String text(FilterRow filter, boolean inBytes) {
        return this == KEYS ? filter.keys().isEmpty() ? "-" : filter.keys() : Field.super.text(filter, inBytes);
    }
}
