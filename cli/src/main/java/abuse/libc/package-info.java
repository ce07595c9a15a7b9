// SPDX-License-Identifier: Apache-2.0
/** The C library and plain memory, below everything else. Knows no device. */
package abuse.libc;
