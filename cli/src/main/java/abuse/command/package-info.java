// SPDX-License-Identifier: Apache-2.0
/** The commands: words in, words and exit codes out. Makes no system call itself. */
package abuse.command;
