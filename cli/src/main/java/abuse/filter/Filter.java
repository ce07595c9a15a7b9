// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.io.IOException;

/**
 * Something between a disk and its backend. It takes each request that its {@link Selection} picks; all others pass it.
 * Any thread may call, several at once, and none of these methods may wait for long. Whatever one of them throws, the
 * request fails with an I/O error.
 */
public abstract class Filter implements AutoCloseable {
    private final Selection selection;
    private volatile boolean left;

    protected Filter(Settings settings) {
        selection = new Selection(settings);
    }

    /** Which requests it acts on. */
    protected final Selection selection() {
        return selection;
    }

    /**
     * Whether it takes a request, which this object stands for only now. A filter that has to see all of them asks its
     * {@link #selection} later.
     */
    protected boolean takes(FilteredRequest request) {
        return selection.picks(request);
    }

    /** Is called once, before the first request. */
    protected void open(Surroundings surroundings) throws IOException {}

    /**
     * Has a request on its way in. Ends with {@link FilteredRequest#pass}, {@link FilteredRequest#passAfter},
     * {@link FilteredRequest#completeSoon} or {@link FilteredRequest#fail}; or it keeps the request, and another thread
     * calls {@link FilteredRequest#resume}, {@link FilteredRequest#complete} or {@link FilteredRequest#fail} later.
     */
    protected abstract void take(FilteredRequest request) throws IOException;

    /** A request is due for which it called {@link FilteredRequest#passAfter}; this ends as {@link #take} does. */
    protected void due(FilteredRequest request) {
        request.pass();
    }

    /**
     * A request that it passed is on its way out, carried out or failed. It may decide with {@link FilteredRequest#turn} how the
     * request ends; and look at the data, and change it, if it {@linkplain #looksAtData says} that it may.
     */
    protected void answered(FilteredRequest request) {}

    /** The disk has become larger. */
    protected void grow(long capacity) throws IOException {}

    /**
     * Whether it may look at the data of requests, or change it. If no filter of a disk in memory does, the kernel moves the
     * data itself, after {@link #answered}.
     */
    protected boolean looksAtData() {
        return true;
    }

    /**
     * Whether it keeps something of the disk, such as data that is not written yet. Then this is the only server of the
     * disk, as another one could not know it.
     */
    protected boolean keepsState() {
        return false;
    }

    /**
     * It is about to be taken away from a disk that stays in use. If it, or another filter of the same change, keeps
     * something of the disk, there is no request under way, and what it has not written is to be written now. If this
     * throws, the filter stays.
     */
    protected void leave() throws IOException {}

    /** How many requests it could act on, by what they ask for and where, since it began. */
    public final long matched() {
        return selection.count();
    }

    final void begin() {
        selection.begin();
    }

    final void setLeft() {
        left = true;
    }

    /** Whether it was taken away, and keeps no request any more. */
    final boolean hasLeft() {
        return left;
    }

    /** After the end of all requests, while what lies behind it is still open. */
    @Override
    public void close() throws IOException {
        selection.close();
    }
}
