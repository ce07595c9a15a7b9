// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

/** Is told what happens to a disk, by several threads. It should return soon. */
public interface DiskListener {
    /**
     * Something went wrong, and the disk is served all the same: most often a backend threw an exception, and the request
     * failed. The same problem is told once, and later how often it came again.
     */
    void problem(String message);

    /** The disk is gone, though nobody closed it. Those who use it get I/O errors. */
    default void ended(DiskException reason) {
        problem(reason.getMessage());
    }
}
