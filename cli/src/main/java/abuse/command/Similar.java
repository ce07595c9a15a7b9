// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.util.Collection;

/** Suggests what a mistyped word may have meant. */
final class Similar {
    private Similar() {}

    /** "; did you mean 'x'?" for the candidate nearest to the word, or nothing when none is near. */
    static String to(String word, Collection<String> candidates) {
        String nearest = null;
        int best = Math.min(2, (word.length() + 1) / 3) + 1;
        for (String candidate : candidates) {
            int distance = distance(word, candidate);
            if (distance > 0 && distance < best) {
                best = distance;
                nearest = candidate;
            }
        }
        return nearest == null ? "" : "; did you mean '" + nearest + "'?";
    }

    /** How many characters must be added, left out, changed, or swapped with the next one to make one word the other. */
    private static int distance(String a, String b) {
        var distances = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                int least = i == 0 ? j : j == 0 ? i : Integer.MAX_VALUE;
                if (i > 0 && j > 0) {
                    int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                    least = Math.min(distances[i - 1][j - 1] + change, 1 + Math.min(distances[i - 1][j], distances[i][j - 1]));
                    if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                        least = Math.min(least, distances[i - 2][j - 2] + 1);
                    }
                }
                distances[i][j] = least;
            }
        }
        return distances[a.length()][b.length()];
    }
}
