// SPDX-License-Identifier: Apache-2.0
/** Files on web servers. */
package abuse.http;
