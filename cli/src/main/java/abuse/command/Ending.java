// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Removal;

/**
 * How the disk of 'abusectl run' ends: when asked, it is served until nobody uses it; when forced, it is taken away
 * at once. Signals ask and force at any time, each in a thread of its own.
 */
final class Ending implements AutoCloseable {
    private final Context context;
    /** Null before there is a disk, and when there is none any more. */
    private Device device;
    private Runnable stop = () -> {};
    private boolean asked;
    private String lost;

    Ending(Context context) {
        this.context = context;
    }

    /** Called when there is a disk. The open control node belongs to that disk, and is closed with this. */
    synchronized void begin(Device own) {
        device = own;
    }

    /** Sets what stops the server of the disk. */
    synchronized void onStop(Runnable server) {
        stop = server;
        if (asked) {
            stop.run();
        }
    }

    /** Whether anybody asked for the end. */
    synchronized boolean isAsked() {
        return asked;
    }

    /** What was in use when it was taken away; null when nothing was. */
    synchronized String lost() {
        return lost;
    }

    /** Called when the disk has gone; what is set up there from now on is not ours. */
    synchronized void forget() {
        if (device != null) {
            device.close();
            device = null;
            notifyAll();
        }
    }

    /** Takes the disk away as soon as nobody uses it. */
    synchronized void ask() {
        asked = true;
        if (device == null) {
            return;
        }
        var removal = new Removal(context.devices, device);
        boolean told = false;
        try {
            while (device != null && !removal.isGone() && !removal.tryOnce()) {
                if (!told && removal.isRefused()) {
                    context.complain(removal.words() + "; it is served until that ends; a second SIGTERM or SIGINT takes it away at once, and what is not"
                            + " written yet is lost");
                    told = true;
                }
                wait(Removal.PERIOD_MS);
            }
            forget();
        } catch (DeviceException e) {
            context.complain(e.device() + ": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        stop.run();
    }

    /** Takes the disk away even if somebody uses it. */
    synchronized void force() {
        if (device == null) {
            return;
        }
        var removal = new Removal(context.devices, device);
        try {
            if (!removal.isGone() && !removal.tryOnce()) {
                lost = removal.words();
                device.reset();
            }
            forget();
        } catch (DeviceException e) {
            context.complain(e.device() + ": " + e.getMessage());
        }
        stop.run();
    }

    /** Takes the disk away if it is still there, as it is not served any more. */
    @Override
    public synchronized void close() throws DeviceException {
        try {
            if (device != null && !new Removal(context.devices, device).isGone()) {
                device.reset();
            }
        } finally {
            forget();
        }
    }
}
