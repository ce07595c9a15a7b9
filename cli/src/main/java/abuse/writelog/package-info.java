// SPDX-License-Identifier: Apache-2.0
/** Logs of all that changed a disk, as the device mapper's log-writes has them. */
package abuse.writelog;
