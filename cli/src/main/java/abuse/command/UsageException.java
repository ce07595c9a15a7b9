// SPDX-License-Identifier: Apache-2.0
package abuse.command;

/** The command line is wrong; nothing was changed. */
final class UsageException extends Exception {
    private static final long serialVersionUID = 1;

    UsageException(String message) {
        super(message);
    }
}
