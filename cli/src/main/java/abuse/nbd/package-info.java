// SPDX-License-Identifier: Apache-2.0
/** A client of network block devices. */
package abuse.nbd;
