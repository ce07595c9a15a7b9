// SPDX-License-Identifier: Apache-2.0
/** What lies between a disk and its backend, and lets the disk fail, wait or forget as it is told. */
package abuse.filter;
