// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Request;
import abuse.device.RequestFlag;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.StringJoiner;

/** A request as get and put show it. */
final class RequestText {
    private RequestText() {}

    /** The lines that the abusectl of 2009 printed, and one more if it has flags. */
    static String lines(Request request) {
        var text = new StringBuilder();
        text.append(request.operation()).append('\n');
        text.append("sector = ").append(request.sector()).append('\n');
        text.append("vcnt = ").append(request.pieces()).append('\n');
        for (int i = 0; i < request.pieces(); i++) {
            text.append("len").append(i).append(" = ").append(request.pieceLength(i)).append(", offset = 0\n");
        }
        var flags = new StringJoiner(" ", "flags = ", "\n").setEmptyValue("");
        for (RequestFlag flag : request.flags()) {
            // Every request that was looked at has this flag, because it was given back
            if (flag != RequestFlag.REDELIVERED) {
                flags.add(flag.word());
            }
        }
        return text.append(flags).toString();
    }

    static String json(String device, Request request) {
        var members = new LinkedHashMap<String, Object>();
        members.put("device", device);
        // A string, as many readers of JSON lose the low bits of a large number
        members.put("id", "0x" + Long.toHexString(request.id()));
        members.put("command", request.operation().name().toLowerCase(Locale.ROOT));
        members.put("sector", request.sector());
        members.put("length", request.length());
        members.put("pieces", request.pieces());
        for (RequestFlag flag : RequestFlag.values()) {
            members.put(flag.word(), request.flags().contains(flag));
        }
        return Json.text(members) + "\n";
    }
}
