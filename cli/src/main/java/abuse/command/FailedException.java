// SPDX-License-Identifier: Apache-2.0
package abuse.command;

/** The command cannot do what it should; the message is for the user, whole. */
final class FailedException extends Exception {
    private static final long serialVersionUID = 1;

    FailedException(String message) {
        super(message);
    }

    FailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
