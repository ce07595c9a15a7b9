// SPDX-License-Identifier: Apache-2.0
/**
 * Block devices in a program of your own. {@link abuse.disk.Disk#builder} makes a disk that threads of this program serve
 * from a {@link abuse.backend.Backend}, and that goes with it.
 *
 * <h2>Threads</h2>
 *
 * <p>Each disk has threads of its own, which are there from its start to its close. For each hardware queue there is one that
 * gets requests and carries them out, or {@link abuse.backend.Backend#threads} of them, so several threads may be in a
 * backend at once, and one that waits there keeps only its own share of the requests waiting. An
 * {@link abuse.backend.AsyncBackend} has one for each queue, which must not wait, and another one that calls
 * {@link abuse.backend.AsyncBackend#expired}. Any of them may call the {@link abuse.disk.DiskListener}, and may close the disk,
 * which then ends a little later. All are daemons: they do not keep the program from ending, and when it ends, the disk is gone.
 *
 * <p>No thread of the program is needed to serve, so it may use its own disks as any others, but for this:
 *
 * <ul>
 * <li>It must not map such a disk, or a file on it, into memory ({@link java.nio.channels.FileChannel#map}). A thread that
 *     touches such memory waits for the disk where the garbage collector cannot stop it; a collection then stops the threads
 *     that serve, and waits for it in vain.
 * <li>A backend must not use its own disk, or what lies on it, as its request would wait for itself.
 * <li>A thread that waits for a request of its own disk can often not be killed, and keeps the process from ending, and with
 *     it the disk. {@link abuse.disk.DiskBuilder#requestTimeout} ends that.
 * </ul>
 *
 * <p>A {@link abuse.disk.DiskBuilder} is for one thread at a time, a {@link abuse.disk.Disk} for any number.
 */
package abuse.disk;
