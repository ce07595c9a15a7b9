// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.util.Iterator;
import java.util.Map;

/** Maps, collections, strings, numbers and booleans as JSON. */
final class Json {
    private final StringBuilder text = new StringBuilder();

    private Json() {}

    static String text(Object value) {
        var json = new Json();
        json.write(value, "");
        return json.text.toString();
    }

    private void write(Object value, String indent) {
        if (value instanceof Map<?, ?> map) {
            members('{', map.entrySet().iterator(), '}', indent);
        } else if (value instanceof Iterable<?> list) {
            members('[', list.iterator(), ']', indent);
        } else if (value instanceof CharSequence string) {
            quote(string);
        } else {
            text.append(value);
        }
    }

    private void members(char open, Iterator<?> members, char close, String indent) {
        text.append(open);
        String inner = indent + "  ";
        boolean empty = !members.hasNext();
        while (members.hasNext()) {
            text.append('\n').append(inner);
            Object member = members.next();
            if (member instanceof Map.Entry<?, ?> entry) {
                quote(entry.getKey().toString());
                text.append(": ");
                member = entry.getValue();
            }
            write(member, inner);
            if (members.hasNext()) {
                text.append(',');
            }
        }
        if (!empty) {
            text.append('\n').append(indent);
        }
        text.append(close);
    }

    private void quote(CharSequence string) {
        text.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ') {
                text.append("\\u00").append(Character.forDigit(c >> 4, 16)).append(Character.forDigit(c & 15, 16));
            } else {
                text.append(c);
            }
        }
        text.append('"');
    }
}
