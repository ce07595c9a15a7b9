// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.libc.Unix;

/** Tells systemd, or whoever set $NOTIFY_SOCKET, how the service does: sd_notify(3). */
public final class ServiceManager {
    private final String socket;

    /** A service manager behind a socket, or nobody when that is null or empty. */
    public ServiceManager(String socket) {
        this.socket = socket;
    }

    /** Tells it one or more lines, such as READY=1. That it does not listen is no error. */
    public void tell(String lines) {
        if (socket != null && !socket.isEmpty()) {
            Unix.send(socket, lines);
        }
    }
}
