// SPDX-License-Identifier: Apache-2.0
package abuse.command;

/** The command line is wrong; nothing was changed. */
final class UsageException extends Exception {
    private static final long serialVersionUID = 1;

    private final String more;

    UsageException(String message) {
        this(message, null);
    }

    /**
     * What is wrong, and what helps.
     *
     * @param more where more is told, in a sentence; null for the help of the command
     */
    UsageException(String message, String more) {
        super(message);
        this.more = more;
    }

    String more() {
        return more;
    }
}
