// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Extent;

/** What can be shown of a part of a disk that is mapped. */
enum MapColumn implements Field<Extent> {
    OFFSET("first byte on the disk"),
    LENGTH("how much"),
    TARGET("block device that has it"),
    TOFFSET("where it begins there"),
    MODE("ro: reads only; rw: writes, too, with d discards, with z writes of zeroes");

    private final String help;

    MapColumn(String help) {
        this.help = help;
    }

    @Override
    public String help() {
        return help;
    }

    @Override
    public boolean isNumber() {
        return this == OFFSET || this == LENGTH || this == TOFFSET;
    }

    @Override
    public Object value(Extent extent) {
        return switch (this) {
            case OFFSET -> extent.offset();
            case LENGTH -> extent.length();
            case TARGET -> extent.target();
            case TOFFSET -> extent.targetOffset();
            case MODE -> (extent.writable() ? "rw" : "ro") + (extent.discards() ? "d" : "") + (extent.zeroes() ? "z" : "");
        };
    }

    @Override
    public String text(Extent extent, boolean inBytes) {
        return isNumber() && !inBytes ? Sizes.shortest((long) value(extent)) : Field.super.text(extent, inBytes);
    }
}
