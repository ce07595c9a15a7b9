// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Status;

/**
 * A device as a table shows it.
 *
 * @param node the path of its control node
 */
record DeviceRow(String node, Status status) {}
