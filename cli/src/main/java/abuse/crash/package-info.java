// SPDX-License-Identifier: Apache-2.0
/** The states in which a power cut can leave a disk whose writes were recorded. */
package abuse.crash;
