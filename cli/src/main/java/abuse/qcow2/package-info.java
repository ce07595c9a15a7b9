// SPDX-License-Identifier: Apache-2.0
/**
 * A disk in a qcow2 image.
 *
 * <p>One rule keeps an image whole when the server is killed and when the power goes: <em>whatever a table in the file
 * points to is durable before the pointer is written.</em> A cluster is handed out only when it reads as zeros and its
 * reference count is raised, both durable ({@link abuse.qcow2.Allocator}). So a pointer to a new cluster may be written at
 * once if what was there before were zeros: until its data is durable, it reads as before. If it takes the place of
 * something else, which is copied, then the copy is made durable first ({@link abuse.qcow2.Changes}). A reference count
 * is lowered only when it is durable that nothing points there any more, that is at the next flush. So at worst clusters
 * are lost, which "qemu-img check" finds, and never data. All pointers go to the page cache at once, so a server that is
 * killed loses none of them.
 *
 * <p>A cluster of the disk that has a place in the file for itself alone keeps it: a discard makes a hole there. So the
 * address of its data stays right, no matter when the kernel uses it.
 *
 * <p>This program never touches the mapped bytes, only the kernel does; tables are read and written by pread and pwrite.
 * So a file that is cut short fails requests, and ends no server.
 */
package abuse.qcow2;
