// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

/**
 * Tells a thread which requests of a disk in memory need nothing but that the kernel moves their bytes. These are not
 * submitted. One thread at a time, but for what closes it.
 */
public interface Gate {
    /** Nothing else is to be done. */
    int NOTHING = -1;

    /**
     * Requests have come. What this decides holds until {@link #close}, or until whoever changes it finds the thread idle.
     *
     * @return false if all are to be submitted, without a {@link #close}
     */
    boolean open();

    /** What is to be done with a request, for {@link #submit}, or {@link #NOTHING}. It is asked once for each. */
    int look(AsyncRequest request);

    /** Where the kernel finds the bytes of a read, or leaves those of a write; 0 to drop them. */
    long address(AsyncRequest request);

    /** Begins to carry out a request, as {@link AsyncBackend#submit} does. */
    void submit(AsyncRequest request, int what);

    /** The kernel has moved the bytes of all that were not submitted; of no effect if the gate has closed itself. */
    void close();
}
