// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.util.ArrayList;
import java.util.List;

/** The words of a line, which are split at blanks. What is between quotes, of either kind, belongs to one word. */
public final class Words {
    private Words() {}

    /**
     * The words of a line.
     *
     * @param comments whether a word that begins with # ends the line
     * @throws IllegalArgumentException when a quote is not closed
     */
    public static List<String> split(String line, boolean comments) {
        var words = new ArrayList<String>();
        StringBuilder word = null;
        char quote = 0;
        for (char c : line.toCharArray()) {
            if (quote != 0 ? c == quote : c == '"' || c == '\'') {
                quote = quote == 0 ? c : 0;
                word = word == null ? new StringBuilder() : word;
            } else if (quote != 0 || !Character.isWhitespace(c)) {
                if (c == '#' && word == null && comments) {
                    break;
                }
                word = (word == null ? new StringBuilder() : word).append(c);
            } else if (word != null) {
                words.add(word.toString());
                word = null;
            }
        }
        if (quote != 0) {
            throw new IllegalArgumentException("there is no second " + quote);
        }
        if (word != null) {
            words.add(word.toString());
        }
        return words;
    }

    /** A word without line breaks as a shell takes it, for a command that a person may type. */
    public static String escaped(String word) {
        return word.isEmpty() ? "''" : word.replaceAll("[^\\p{L}\\p{N}_@%+=:,./-]", "\\\\$0");
    }
}
