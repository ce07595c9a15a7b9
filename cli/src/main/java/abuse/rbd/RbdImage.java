// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import abuse.libc.Memory;
import abuse.libc.NativeCallback;
import abuse.libc.NativeFunction;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.Objects;

/** An open image, with a connection to its cluster of its own. */
final class RbdImage implements AutoCloseable {
    /** How long to look for a monitor, if the configuration leaves that at its default, 5 minutes. */
    private static final String CONNECT_SECONDS = "30";
    private static final String DEFAULT_CONNECT_SECONDS = "300";
    /** Bytes for a text, and for what a call returns. */
    private static final int ROOM = 4096;
    private static final int FSID = 37;
    /** struct rbd_image_watcher_t. */
    private static final int WATCHER = 24;
    private static final int WATCHER_ADDRESS = 0;

    private final Librbd rbd;
    private final RbdName name;
    private long cluster;
    private long pool;
    private long image;
    private NativeCallback onChange;
    private long watch;

    private RbdImage(Librbd rbd, RbdName name) {
        this.rbd = rbd;
        this.name = name;
    }

    /**
     * Connects and opens. Ceph's threads are started by this one.
     *
     * @throws IOException when that fails; the message says what to do
     */
    static RbdImage open(RbdName name, boolean readOnly) throws IOException {
        RbdImage image;
        try {
            image = new RbdImage(Librbd.get(), name);
        } catch (IOException e) {
            throw new IOException(name.text() + ": " + e.getMessage(), e);
        }
        try (Memory out = Memory.map(ROOM)) {
            image.connect(out);
            image.open(out, readOnly);
        } catch (Throwable e) {
            image.close();
            throw e;
        }
        return image;
    }

    private void connect(Memory out) throws IOException {
        try (Memory ceph = Memory.text("ceph"); Memory user = Memory.text("client." + name.user())) {
            check(rbd.create.call(out.address(), ceph.address(), user.address(), 0), "");
            cluster = out.getLong(0);
        }
        // What there is to say is said in one line
        set("log_to_stderr", "false");
        set("err_to_stderr", "false");
        readConfiguration();
        // What it would hold would be lost with this process, although it was answered
        set("rbd_cache", "false");
        if (get("client_mount_timeout", out).startsWith(DEFAULT_CONNECT_SECONDS)) {
            set("client_mount_timeout", CONNECT_SECONDS);
        }
        int error = (int) rbd.connect.call(cluster);
        if (error == -Unix.ETIMEDOUT) {
            throw new IOException(name.text() + ": no monitor of the cluster answers; is 'mon_host' right in " + where() + '?');
        }
        check(error, "; can client." + name.user() + " connect? Its keyring is where " + where()
                + " says, and another one connects with ?id=USER");
    }

    private void readConfiguration() throws IOException {
        int error;
        if (name.configuration() == null) {
            error = (int) rbd.confReadFile.call(cluster, 0);
        } else {
            try (Memory file = Memory.text(name.configuration())) {
                error = (int) rbd.confReadFile.call(cluster, file.address());
            }
        }
        if (error < 0) {
            throw new IOException(name.text() + ": " + where() + ": "
                    + (error == -Unix.EINVAL ? "is no configuration of Ceph" : Unix.strerror(-error))
                    + "; another configuration is named by ?conf=FILE");
        }
    }

    private String where() {
        return name.configuration() != null ? name.configuration()
                : Objects.requireNonNullElse(System.getenv("CEPH_CONF"), "/etc/ceph/ceph.conf");
    }

    private void open(Memory out, boolean readOnly) throws IOException {
        try (Memory text = Memory.text(name.pool())) {
            int error = (int) rbd.ioctxCreate.call(cluster, text.address(), out.address());
            check(error, error == -Unix.ENOENT ? "; the cluster has no pool '" + name.pool() + "'" : "");
            pool = out.getLong(0);
        }
        try (Memory text = Memory.text(name.namespace())) {
            rbd.ioctxSetNamespace.call(pool, text.address());
        }
        NativeFunction open = readOnly ? rbd.openReadOnly : rbd.open;
        String snapshot = name.snapshot();
        try (Memory text = Memory.text(name.image()); Memory at = Memory.text(snapshot == null ? "" : snapshot)) {
            int error = (int) open.call(pool, text.address(), out.address(), snapshot == null ? 0 : at.address());
            check(error, error == -Unix.ENOENT ? "; the pool has no such image"
                    + (snapshot == null ? "" : ", or the image no such snapshot") : "");
            image = out.getLong(0);
        }
    }

    private void set(String key, String value) throws IOException {
        try (Memory option = Memory.text(key); Memory text = Memory.text(value)) {
            check(rbd.confSet.call(cluster, option.address(), text.address()), "; " + key);
        }
    }

    private String get(String key, Memory out) {
        try (Memory option = Memory.text(key)) {
            return rbd.confGet.call(cluster, option.address(), out.address(), out.size()) == 0 ? Memory.textAt(out.address()) : "";
        }
    }

    /** From now on what the cluster does not do in this time fails. It cannot be taken back. */
    void limitTo(long seconds) throws IOException {
        set("rados_osd_op_timeout", Long.toString(seconds));
    }

    /** The handle. */
    long handle() {
        return image;
    }

    /** Bytes, as the last change has left it. */
    long size() throws IOException {
        try (Memory out = Memory.map(Long.BYTES)) {
            check(rbd.getSize.call(image, out.address()), "");
            return out.getLong(0);
        }
    }

    /** What distinguishes the cluster from all others. */
    String fsid() throws IOException {
        try (Memory out = Memory.map(FSID)) {
            check(rbd.clusterFsid.call(cluster, out.address(), FSID), "");
            return Memory.textAt(out.address());
        }
    }

    /** What distinguishes the image from the others of its pool. */
    String id() throws IOException {
        try (Memory out = Memory.map(ROOM)) {
            check(rbd.getId.call(image, out.address(), out.size()), "");
            return Memory.textAt(out.address());
        }
    }

    /** Runs this, in a thread of Ceph, when the size or something else has changed. Once. */
    void tellChanges(Runnable action) throws IOException {
        onChange = new NativeCallback(action);
        try (Memory out = Memory.map(Long.BYTES)) {
            check(rbd.updateWatch.call(image, out.address(), onChange.address(), 0), "");
            watch = out.getLong(0);
        }
    }

    boolean hasExclusiveLock() throws IOException {
        try (Memory out = Memory.map(Long.BYTES)) {
            check(rbd.getFeatures.call(image, out.address()), "");
            return (out.getLong(0) & Librbd.FEATURE_EXCLUSIVE_LOCK) != 0;
        }
    }

    /**
     * The address of the client that has the exclusive lock, and may be dead; null if none has, or if the cluster takes nothing
     * from this one any more.
     */
    String lockOwner() throws IOException {
        // The mode, the number of owners, and a pointer to the only one
        try (Memory out = Memory.map(3 * Long.BYTES)) {
            int count = Long.BYTES;
            int owner = 2 * Long.BYTES;
            out.putLong(count, 1);
            int error = (int) rbd.lockGetOwners.call(image, out.address(), out.address() + owner, out.address() + count);
            if (error == -Unix.ENOENT || error == -Unix.ESHUTDOWN || error == 0 && out.getLong(count) == 0) {
                return null;
            }
            check(error, "");
            String client = Memory.textAt(out.getLong(owner));
            rbd.lockGetOwnersCleanup.call(out.address() + owner, 1);
            return client;
        }
    }

    /** Whether a client uses the image, as far as the cluster knows: one that is dead is noticed after half a minute. */
    boolean isUsedBy(String client) throws IOException {
        int most = 256;
        try (Memory watchers = Memory.map((long) most * WATCHER); Memory count = Memory.map(Long.BYTES)) {
            count.putLong(0, most);
            check(rbd.watchersList.call(image, watchers.address(), count.address()), "");
            long found = count.getLong(0);
            boolean used = false;
            for (int i = 0; i < found; i++) {
                used |= client.equals(Memory.textAt(watchers.getLong((long) i * WATCHER + WATCHER_ADDRESS)));
            }
            rbd.watchersListCleanup.call(watchers.address(), found);
            return used;
        }
    }

    /** Takes the exclusive lock from a client, which can do nothing in the cluster any more. */
    void breakLock(String owner) throws IOException {
        try (Memory text = Memory.text(owner)) {
            int error = (int) rbd.lockBreak.call(image, Librbd.EXCLUSIVE, text.address());
            check(error == -Unix.ENOENT ? 0 : error, "; the lock of " + owner + " cannot be broken, which needs"
                    + " mon 'profile rbd' of client." + name.user());
        }
    }

    /** Takes the exclusive lock until the image is closed. */
    void lock() throws IOException {
        check(rbd.lockAcquire.call(image, Librbd.EXCLUSIVE), "; the exclusive lock cannot be taken");
    }

    private void check(long result, String hint) throws IOException {
        int error = (int) result;
        if (error < 0) {
            throw new IOException(name.text() + ": " + Unix.strerror(-error) + hint);
        }
    }

    /** Also gives the lock back. It waits for the cluster. */
    @Override
    public void close() {
        if (watch != 0) {
            rbd.updateUnwatch.call(image, watch);
        }
        if (image != 0) {
            rbd.close.call(image);
        }
        if (pool != 0) {
            rbd.ioctxDestroy.call(pool);
        }
        if (cluster != 0) {
            rbd.shutdown.call(cluster);
        }
        if (onChange != null) {
            onChange.close();
        }
    }
}
