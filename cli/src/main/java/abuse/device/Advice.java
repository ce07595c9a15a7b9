// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.device.DeviceException.Reason;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Says what to do about a refusal. */
public final class Advice {
    private static final String FENCED = "the device cgroup of this container or service forbids it; allow the node there, for 'rw'";

    private static final Set<PosixFilePermission> GROUP_MAY = PosixFilePermissions.fromString("---rw----");

    private Advice() {}

    /** A device that has to be set up first, with these keys. */
    public static String notSetUp(String device, String keys) {
        return device + ": " + setUp(device + keys);
    }

    /** That there is no control node at all. */
    public static String noDevices(boolean moduleLoaded) {
        return moduleLoaded ? "the module is loaded, but there is no /dev/abctlN; a container has to be given these nodes"
                : "there are no devices in /dev; is the module loaded? try 'modprobe abuse'";
    }

    /** A failure in one line; null if there is no message. */
    public static String words(IOException e, Devices devices) {
        if (e instanceof DeviceException refusal) {
            return line(refusal, devices.isModuleLoaded());
        }
        return e instanceof FileSystemException file ? file.getFile() + ": " + FileErrors.words(file) : e.getMessage();
    }

    private static String setUp(String words) {
        return "not set up; try 'abusectl setup " + words + "'";
    }

    /** One line: the device, the cause in the C library's words, and the next step if there is one. */
    private static String line(DeviceException e, boolean moduleLoaded) {
        String step = step(e, moduleLoaded);
        return e.device() + ": " + e.getMessage() + (step == null ? "" : "; " + step);
    }

    private static String step(DeviceException e, boolean moduleLoaded) {
        String device = e.device();
        if (!ControlNode.isPath(device) && (e.call() == Call.OPEN || e.reason() == Reason.NOT_ABUSE)) {
            return e.reason() == Reason.FENCED ? FENCED : e.reason() == Reason.DENIED ? whoMay(device) + "; try sudo"
                    : "a device of abuse is /dev/abctlN, /dev/abuseN, a link to one of them, or just N";
        }
        return switch (e.reason()) {
            case MISSING -> moduleLoaded
                    ? "there is no such device; 'abusectl info' lists those there are"
                    : "is the module loaded? try 'modprobe abuse'";
            case DENIED -> switch (e.call()) {
                case SETUP, RECONNECT -> "only root may have so many requests, nq times qs ('abusectl info --json' shows the limit),"
                        + " or partscan";
                case MAP, UNMAP, LEND -> "only root may have more than 65536 extents, and whoever unmaps the middle of one makes it"
                        + " two; map, or unmap, larger pieces";
                default -> whoMay(device) + "; try sudo, or change the owner with chown";
            };
            case FENCED -> FENCED;
            case NOT_ABUSE -> "this is no abuse device, or the module is older than abusectl";
            case NOT_SET_UP -> "it is " + setUp(device);
            case BUSY -> e instanceof OtherContentException other ? otherContent(other) : e.call() == Call.SETUP
                    ? "it is set up already; add 'reconnect' to change it, or take it away first with 'abusectl reset "
                            + device + "'"
                    : e.call() == Call.RECONNECT ? "it is leaving: its disk goes when nobody uses it any more, and can then be set"
                            + " up anew" : null;
            case TAKEN -> "something is mapped there already, which 'abusectl maps " + device + "' shows; add --replace";
            case NO_MEMORY -> e.call() == Call.LEND ? "so much has to stay in memory, which a limit forbids; raise it ('ulimit -l', or"
                    + " LimitMEMLOCK= of a service), or add --no-map" : null;
            case UNSUPPORTED -> "the disk was not set up with 'mappable'";
            case INVALID -> switch (e.call()) {
                case SETUP -> "this kernel has no blocks above its page size, and no more queues than the machine has"
                        + " processors";
                case RECONNECT -> "a disk in use can grow, its qs can be lowered, and raised again up to that of its"
                        + " setup, and timeout, unserved, orphan, ro, rw and autoremove=off can change; the rest needs a"
                        + " new setup, after 'abusectl reset " + device + "'";
                default -> null;
            };
            default -> null;
        };
    }

    private static String whoMay(String device) {
        String group = group(device);
        return group == null ? "only root and the owner of the node may" : "only root, the owner of the node and the group '" + group + "' may";
    }

    /** The group that may read and write a node; null if there is none, or it cannot be told. */
    private static String group(String device) {
        try {
            var node = Files.readAttributes(Path.of(device), PosixFileAttributes.class);
            return node.permissions().containsAll(GROUP_MAY) ? node.group().getName() : null;
        } catch (IOException | InvalidPathException e) {
            return null;
        }
    }

    private static String otherContent(OtherContentException e) {
        return (e.pid() == 0 ? "a process that is not visible from here" : "process " + e.pid()) + " serves "
                + (e.text().isEmpty() ? "something else" : "'" + e.text() + "'")
                + " there, which is other content; end it first, or add --shared";
    }
}
