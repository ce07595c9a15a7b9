// SPDX-License-Identifier: Apache-2.0
package abuse.command;

/** The command failed; the message is shown to the user as it is. */
final class FailedException extends Exception {
    private static final long serialVersionUID = 1;

    FailedException(String message) {
        super(message);
    }

    FailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
