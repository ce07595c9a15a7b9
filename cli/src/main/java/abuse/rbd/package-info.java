// SPDX-License-Identifier: Apache-2.0
/** Images of Ceph, through its own library, which is loaded when the first one is named. */
package abuse.rbd;
