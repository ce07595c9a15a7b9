// SPDX-License-Identifier: Apache-2.0
/** Control nodes. Only this package knows the numbers and offsets of module/uapi/abuse.h. */
package abuse.device;
