// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.libc.Unix;

/** Tells systemd, or whoever set $NOTIFY_SOCKET, the state of the service, as sd_notify(3) does. */
public final class ServiceManager {
    private final String socket;

    /** A service manager at a socket, or nobody if that is null or empty. */
    public ServiceManager(String socket) {
        this.socket = socket;
    }

    /** Sends one or more lines, such as READY=1. It is no error if nobody listens. */
    public void tell(String lines) {
        if (socket != null && !socket.isEmpty()) {
            Unix.send(socket, lines);
        }
    }
}
