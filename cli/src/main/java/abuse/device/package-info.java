// SPDX-License-Identifier: Apache-2.0
/** Control nodes: the one place that knows a number or an offset of module/uapi/abuse.h. */
package abuse.device;
