// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.RequestStatus;
import abuse.device.ServerStatus;

/**
 * A request as a table shows it.
 *
 * @param server who has it; null for nobody, or for one who went away meanwhile
 */
record RequestRow(RequestStatus request, ServerStatus server) {}
