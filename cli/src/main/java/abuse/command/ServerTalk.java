// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.server.ControlClient;
import abuse.server.ControlReply;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.List;

/** Asks the server of a disk something through its control socket. */
final class ServerTalk {
    /** A server makes its socket when it serves already, and says then that it is ready. */
    private static final long PATIENCE_NS = 3_000_000_000L;
    private static final long PERIOD_MS = 50;

    private ServerTalk() {}

    /** Refuses words that cannot be sent. */
    static void check(List<String> words) throws UsageException {
        for (String word : words) {
            if (word.matches("(?s).*[\t\n\r].*")) {
                throw new UsageException("tabs and line breaks are not possible in '" + word.replaceAll("\\s", " ") + "'");
            }
        }
    }

    /**
     * Asks, and returns the lines of the reply.
     *
     * @param path of the disk's control node
     * @param words as {@link FilterControl} knows them
     */
    static List<String> ask(Context context, String path, List<String> words) throws Exception {
        ControlReply reply = reply(context, path, words);
        return switch (reply.kind()) {
            case DONE -> reply.lines();
            case USAGE -> throw new UsageException(reply.text(), FilterOption.MORE);
            case FAILED -> throw new FailedException(path + ": " + reply.text());
        };
    }

    private static ControlReply reply(Context context, String path, List<String> words) throws Exception {
        long end = System.nanoTime() + PATIENCE_NS;
        while (true) {
            boolean served;
            int number;
            try (Device device = context.devices.open(path)) {
                served = !device.servers().isEmpty();
                number = device.status().number();
            }
            for (Path socket : FilterControl.paths(context, number)) {
                ControlReply reply = reply(path, socket, words);
                if (reply != null) {
                    return reply;
                }
            }
            if (!served) {
                throw new FailedException(path + ": nobody serves it; start its server, with its own backend: 'abusectl server " + path
                        + " BACKEND --control'");
            }
            if (System.nanoTime() - end >= 0) {
                throw new FailedException(path + ": its server has no control socket; start it with --control");
            }
            Thread.sleep(PERIOD_MS);
        }
    }

    private static ControlReply reply(String path, Path socket, List<String> words) throws FailedException {
        try {
            return ControlClient.ask(socket, words);
        } catch (AccessDeniedException e) {
            throw new FailedException(path + ": " + socket + ": Permission denied; only root and the user of its server may do that", e);
        } catch (IOException e) {
            throw new FailedException(path + ": " + e.getMessage(), e);
        }
    }
}
