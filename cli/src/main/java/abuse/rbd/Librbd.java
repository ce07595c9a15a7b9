// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import abuse.libc.NativeFunction;
import abuse.libc.SharedLibrary;
import java.io.IOException;

/**
 * The functions of Ceph's libraries that are used, under their own names without the first word. Those that return an int
 * or a ssize_t return a negative errno when they fail.
 */
final class Librbd {
    static final int EXCLUSIVE = 0;
    static final long FEATURE_EXCLUSIVE_LOCK = 1 << 2;
    static final int EVENTFD = 2;
    static final int THICK_PROVISION = 1;

    private static Librbd loaded;

    private final SharedLibrary rados;
    private final SharedLibrary rbd;

    final NativeFunction create;
    final NativeFunction confReadFile;
    final NativeFunction confGet;
    final NativeFunction confSet;
    final NativeFunction connect;
    final NativeFunction shutdown;
    final NativeFunction clusterFsid;
    final NativeFunction ioctxCreate;
    final NativeFunction ioctxSetNamespace;
    final NativeFunction ioctxDestroy;

    final NativeFunction open;
    final NativeFunction openReadOnly;
    final NativeFunction close;
    final NativeFunction getId;
    final NativeFunction getSize;
    final NativeFunction getFeatures;
    final NativeFunction updateWatch;
    final NativeFunction updateUnwatch;
    final NativeFunction watchersList;
    final NativeFunction watchersListCleanup;
    final NativeFunction lockGetOwners;
    final NativeFunction lockGetOwnersCleanup;
    final NativeFunction lockBreak;
    final NativeFunction lockAcquire;
    final NativeFunction setImageNotification;
    final NativeFunction pollIoEvents;
    final NativeFunction aioCreateCompletion;
    final NativeFunction aioGetArg;
    final NativeFunction aioGetReturnValue;
    final NativeFunction aioRelease;
    final NativeFunction aioRead;
    final NativeFunction aioWrite;
    final NativeFunction aioDiscard;
    final NativeFunction aioWriteZeroes;
    final NativeFunction aioFlush;

    private Librbd(String radosName, String rbdName) throws IOException {
        rados = SharedLibrary.load(radosName);
        rbd = SharedLibrary.load(rbdName);
        create = rados("create2", 4);
        confReadFile = rados("conf_read_file", 2);
        confGet = rados("conf_get", 4);
        confSet = rados("conf_set", 3);
        connect = rados("connect", 1);
        shutdown = rados("shutdown", 1);
        clusterFsid = rados("cluster_fsid", 3);
        ioctxCreate = rados("ioctx_create", 3);
        ioctxSetNamespace = rados("ioctx_set_namespace", 2);
        ioctxDestroy = rados("ioctx_destroy", 1);
        open = rbd("open", 4);
        openReadOnly = rbd("open_read_only", 4);
        close = rbd("close", 1);
        getId = rbd("get_id", 3);
        getSize = rbd("get_size", 2);
        getFeatures = rbd("get_features", 2);
        updateWatch = rbd("update_watch", 4);
        updateUnwatch = rbd("update_unwatch", 2);
        watchersList = rbd("watchers_list", 3);
        watchersListCleanup = rbd("watchers_list_cleanup", 2);
        lockGetOwners = rbd("lock_get_owners", 4);
        lockGetOwnersCleanup = rbd("lock_get_owners_cleanup", 2);
        lockBreak = rbd("lock_break", 3);
        lockAcquire = rbd("lock_acquire", 2);
        setImageNotification = rbd("set_image_notification", 3);
        pollIoEvents = rbd("poll_io_events", 3);
        aioCreateCompletion = rbd("aio_create_completion", 3);
        aioGetArg = rbd("aio_get_arg", 1);
        aioGetReturnValue = rbd("aio_get_return_value", 1);
        aioRelease = rbd("aio_release", 1);
        aioRead = rbd("aio_read", 5);
        aioWrite = rbd("aio_write", 5);
        aioDiscard = rbd("aio_discard", 4);
        aioWriteZeroes = rbd("aio_write_zeroes", 6);
        aioFlush = rbd("aio_flush", 2);
    }

    private NativeFunction rados(String name, int parameters) throws IOException {
        return rados.function("rados_" + name, parameters);
    }

    private NativeFunction rbd(String name, int parameters) throws IOException {
        return rbd.function("rbd_" + name, parameters);
    }

    /** Loads the libraries when they are needed first. */
    static synchronized Librbd get() throws IOException {
        if (loaded == null) {
            loaded = load("librados.so.2", "librbd.so.1");
        }
        return loaded;
    }

    static Librbd load(String rados, String rbd) throws IOException {
        try {
            return new Librbd(rados, rbd);
        } catch (IOException e) {
            throw new IOException(e.getMessage() + "; install the package librbd1, 15.2 or later", e);
        }
    }
}
