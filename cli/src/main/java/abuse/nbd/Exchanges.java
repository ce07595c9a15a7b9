// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.AsyncRequest;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;

/** The exchanges of a connection: those that are under way, and those that are free. Any thread. */
final class Exchanges {
    private static final int FIRST = 64;

    /** By index. It only grows. */
    private volatile Exchange[] all = {};
    /** The free ones, a stack. */
    private int[] free = {};
    private int freeExchanges;
    private final AtomicInteger underWay = new AtomicInteger();

    /** All of them, of which some are free. */
    Exchange[] all() {
        return all;
    }

    int underWay() {
        return underWay.get();
    }

    /** One for a request. */
    synchronized Exchange take(AsyncRequest request, Unflushed unflushed) {
        Exchange exchange = next();
        if (request.kind() == AsyncRequest.Kind.FLUSH) {
            unflushed.begin(exchange);
        }
        exchange.begin(request);
        return exchange;
    }

    /** One for the request of another connection, which is to be carried out from the start. */
    synchronized Exchange take(Exchange other) {
        Exchange exchange = next();
        exchange.covers = other.covers;
        exchange.losses = other.losses;
        exchange.begin(other.request);
        return exchange;
    }

    private Exchange next() {
        if (freeExchanges == 0) {
            grow();
        }
        underWay.incrementAndGet();
        return all[free[--freeExchanges]];
    }

    synchronized void give(Exchange exchange) {
        exchange.request = null;
        free[freeExchanges++] = exchange.index;
        underWay.decrementAndGet();
    }

    /**
     * The one whose present command has this cookie.
     *
     * @param connection the number of the connection that the reply came on
     * @throws IOException when no command that is under way has it
     */
    Exchange find(long cookie, int connection) throws IOException {
        int index = (int) cookie;
        Exchange[] now = all;
        Exchange exchange = index >= 0 && index < now.length ? now[index] : null;
        if (exchange == null || exchange.sentOn != connection || exchange.cookie() != cookie || exchange.request == null) {
            throw new IOException("the server answers what was not asked");
        }
        return exchange;
    }

    /** Whether there is one whose request has passed its deadline. */
    boolean haveExpired() {
        long now = System.nanoTime();
        for (Exchange exchange : all) {
            AsyncRequest request = exchange.request;
            if (request != null && request.isLate(now)) {
                return true;
            }
        }
        return false;
    }

    private void grow() {
        int before = all.length;
        int after = before == 0 ? FIRST : before * 2;
        var more = new Exchange[after];
        var room = new int[after];
        System.arraycopy(all, 0, more, 0, before);
        for (int i = before; i < after; i++) {
            more[i] = new Exchange(i);
            room[i - before] = i;
        }
        // Only now, so that nothing has changed if there is no memory
        free = room;
        freeExchanges = after - before;
        all = more;
    }
}
