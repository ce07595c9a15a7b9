// SPDX-License-Identifier: Apache-2.0
/** The request loop between a device and a backend. Knows no terminal. */
package abuse.server;
