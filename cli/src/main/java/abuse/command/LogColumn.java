// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.writelog.LogEntry;

/** What can be shown of an entry of a log. */
enum LogColumn implements Field<LogEntry> {
    ENTRY("its number, from 0"),
    SECTOR("first sector; it has the size of a block of the recorded disk, which need not be 512 bytes"),
    OFFSET("first byte on the disk"),
    LENGTH("how much it changes"),
    FLAGS("what it is, besides a write: flush, fua, discard, mark, metadata"),
    MARK("the text of a mark");

    private final String help;

    LogColumn(String help) {
        this.help = help;
    }

    @Override
    public String help() {
        return help;
    }

    @Override
    public boolean isNumber() {
        return ordinal() <= LENGTH.ordinal();
    }

    @Override
    public Object value(LogEntry entry) {
        return switch (this) {
            case ENTRY -> entry.number();
            case SECTOR -> entry.length() == 0 ? null : entry.sector();
            case OFFSET -> entry.length() == 0 ? null : entry.offset();
            case LENGTH -> entry.length() == 0 ? null : entry.length();
            case FLAGS -> entry.words();
            case MARK -> entry.mark();
        };
    }

    @Override
    public String text(LogEntry entry, boolean inBytes) {
        boolean size = (this == OFFSET || this == LENGTH) && entry.length() > 0;
        return size && !inBytes ? Sizes.shortest((long) value(entry)) : Field.super.text(entry, inBytes);
    }
}
