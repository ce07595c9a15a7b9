// SPDX-License-Identifier: Apache-2.0
/** Where the bytes of a disk live. Knows offsets and bytes, and no device. */
package abuse.backend;
