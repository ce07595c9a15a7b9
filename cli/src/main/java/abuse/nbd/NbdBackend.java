// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import abuse.backend.Geometry;
import abuse.libc.Unix;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** An export of an NBD server. */
final class NbdBackend implements AsyncBackend {
    /** How many connections there are, if the server can. */
    private static final int CONNECTIONS = 4;
    /** As many requests share a connection, and their system calls, before the next one is used. */
    private static final int TOGETHER = 16;
    /** A block that is larger is refused, not set up. */
    static final int LARGEST_BLOCK = 4096;

    private final Target target;
    private final Export export;
    private final Unflushed unflushed = new Unflushed();
    private final Connection[] connections;
    /** Whether other servers of the disk may write what is to be flushed. */
    private volatile boolean writable;
    private volatile BooleanSupplier others = () -> false;
    private int lost;
    private volatile boolean brokeOff;
    private volatile Consumer<String> administrator = problem -> {};

    /** Takes over a target and a first connection; both are closed if this fails. */
    NbdBackend(Target target, Handshake.Result first) throws IOException {
        this.target = target;
        export = first.export();
        List<Wire> all = new ArrayList<>(List.of(first.wire()));
        try {
            if (export.has(Protocol.CAN_MULTI_CONN)) {
                connectMore(all);
            }
            connections = new Connection[all.size()];
            for (int i = 0; i < connections.length; i++) {
                connections[i] = new Connection(this, all.get(i), i);
            }
        } catch (IOException | RuntimeException | Error e) {
            for (Wire one : all) {
                one.close();
            }
            target.close();
            throw e;
        }
        for (Connection connection : connections) {
            connection.start();
        }
    }

    /** A server may limit how many there are, so those that it takes must do. */
    private void connectMore(List<Wire> all) throws IOException {
        try {
            while (all.size() < CONNECTIONS) {
                Handshake.Result next = target.connectOnceMore();
                if (export.difference(next.export()) != null) {
                    next.wire().close();
                    return;
                }
                all.add(next.wire());
            }
        } catch (IOException e) {
            // One is enough
        }
    }

    /** Becomes such a disk, or fails. */
    void become(Geometry geometry) throws IOException {
        if (export.readOnly() && !geometry.readOnly()) {
            throw new IOException(text() + ": is read-only; set up with ro");
        }
        if (export.minimum() > geometry.blockSize()) {
            throw new IOException(text() + ": has blocks of " + export.minimum() + " bytes, but its disk has blocks of "
                    + geometry.blockSize() + "; " + (export.minimum() <= LARGEST_BLOCK ? "set up with bs=" + export.minimum()
                            : "'nbdkit --filter=blocksize' makes them smaller"));
        }
        writable = !geometry.readOnly() && export.has(Protocol.SEND_FLUSH) && target.server() == null;
        if (writable) {
            // Perhaps by an earlier server, which is not known here
            unflushed.answered();
        }
    }

    /** Where it is, as the user wrote it. */
    String text() {
        return target.text();
    }

    Export export() {
        return export;
    }

    Unflushed unflushed() {
        return unflushed;
    }

    /** Whether what was answered may be lost now with a connection, which was not so before. */
    boolean lose() {
        return unflushed.lose(writable && others.getAsBoolean());
    }

    /**
     * Connects again.
     *
     * @return null if that is not possible now
     */
    Wire reconnect(BooleanSupplier unwanted) {
        try {
            Handshake.Result next = target.reconnect(unwanted);
            String difference = export.difference(next.export());
            if (difference == null) {
                return next.wire();
            }
            next.wire().close();
            tell(difference + "; requests wait");
        } catch (Throwable e) {
            // Of another's server, which may be away for hours, it was told that it was lost
            if (!unwanted.getAsBoolean() && (target.server() != null || !isAway(e) && !brokeOff(e))) {
                tell(Target.cause(e) + "; requests wait");
            }
        }
        return null;
    }

    /** Whether there is no server, and not one that we cannot agree with. */
    private static boolean isAway(Throwable e) {
        return e instanceof SocketException || e instanceof SocketTimeoutException || e instanceof UnknownHostException
                || e instanceof EOFException;
    }

    /** A server that ends while it shakes hands looks like one that does not trust us, but not twice in a row. */
    private boolean brokeOff(Throwable e) {
        boolean before = brokeOff;
        brokeOff = isAway(e.getCause());
        return brokeOff && !before;
    }

    private void tell(String what) {
        administrator.accept(text() + ": " + what);
    }

    /** A connection was lost. It is told if it is the first one or the last, and whenever writes may go with it. */
    synchronized void lost(String cause, boolean writes) {
        boolean all = ++lost == connections.length;
        if (all || lost == 1 || writes) {
            tell("lost the connection: " + cause + (all ? "; requests wait until it is back" : "; requests take another one")
                    + (writes ? ", and the next flush fails, because what was written may be lost" : ""));
        }
    }

    /** A connection was made again, and carries out what waits for the others, too, as these may be refused. */
    void found() {
        synchronized (this) {
            if (lost-- == connections.length) {
                tell("connected again");
            }
        }
        for (Connection connection : connections) {
            connection.sendAgain();
        }
    }

    @Override
    public void tellProblemsTo(Consumer<String> listener) {
        administrator = listener;
    }

    @Override
    public void serveTogetherWith(BooleanSupplier servers) {
        others = servers;
    }

    @Override
    public void submit(AsyncRequest request) throws IOException {
        boolean nothingToDo = switch (request.kind()) {
            case FLUSH -> !export.has(Protocol.SEND_FLUSH);
            case DISCARD -> !export.has(Protocol.SEND_TRIM);
            default -> false;
        };
        if (nothingToDo) {
            request.complete();
        } else {
            choose().submit(request);
        }
    }

    @Override
    public void submitted() {
        for (Connection connection : connections) {
            connection.flush();
        }
    }

    @Override
    public void expired(AsyncRequest request) {
        for (Connection connection : connections) {
            connection.expire();
        }
    }

    @Override
    public void abandon() {
        for (Connection connection : connections) {
            connection.abandon();
        }
    }

    @Override
    public long size() {
        return sizeOf(export);
    }

    /** Whole sectors. */
    static long sizeOf(Export export) {
        return export.size() & -512;
    }

    /** Without several connections a server need not show one what was written through another. */
    @Override
    public String identity() {
        return export.has(Protocol.CAN_MULTI_CONN) || export.readOnly() ? target.identity() : null;
    }

    @Override
    public void close() {
        for (Connection connection : connections) {
            connection.leave();
        }
        for (Connection connection : connections) {
            connection.close();
        }
        if (unflushed.isUntold()) {
            tell("what was written before the connection was lost may be lost, and no flush has failed since; the next server"
                    + " does not know");
        }
        target.close();
    }

    /** The first one that is not busy, or the least busy one. One that is lost is used only if all are. */
    Connection choose() {
        Connection best = connections[0];
        for (Connection connection : connections) {
            if (connection.isConnected()) {
                if (connection.underWay() < TOGETHER) {
                    return connection;
                }
                if (!best.isConnected() || connection.underWay() < best.underWay()) {
                    best = connection;
                }
            }
        }
        return best;
    }

    /** What the disk's users are told for an error of the server. */
    static Failure failure(int error) {
        return error == Protocol.ENOSPC ? Failure.NO_SPACE : error == Unix.EIO ? Failure.IO : Failure.REMOTE;
    }

    static String words(int error) {
        return "the server answers: " + (error > 0 && error < 4096 ? Unix.strerror(error) : "error " + error);
    }
}
