// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.device.SimulatedDisk.Submitted;
import abuse.libc.Unix;
import java.nio.ByteBuffer;
import java.util.ArrayList;

/** How an open control node of a simulated disk takes answers and hands out requests. */
final class SimulatedTransfer {
    private final SimulatedDisk disk;
    private final SimulatedNode node;

    SimulatedTransfer(SimulatedDisk disk, SimulatedNode node) {
        this.disk = disk;
        this.node = node;
    }

    void transfer(Batch batch) throws DeviceException {
        synchronized (disk) {
            batch.prepare();
            while (!ioctl(batch)) {
                batch.prepareAgain();
            }
            batch.complete();
        }
    }

    /** Returns false when a signal came. */
    private boolean ioctl(Batch batch) throws DeviceException {
        ByteBuffer raw = batch.raw();
        check(raw.getInt(Abi.Xfer.SIZE) == Abi.Xfer.SIZE_OF && raw.getShort(Abi.Xfer.PUT_SIZE) == Abi.Put.SIZE_OF
                && raw.getShort(Abi.Xfer.GET_SIZE) == Abi.Get.SIZE_OF);
        int flags = raw.getInt(Abi.Xfer.FLAGS);
        check((flags & ~(Abi.ABUSE_XFER_DRAIN | Abi.ABUSE_XFER_NO_FAULT)) == 0);
        boolean noFault = (flags & Abi.ABUSE_XFER_NO_FAULT) != 0;
        int room = raw.getInt(Abi.Xfer.NR_GETS);
        int answers = raw.getInt(Abi.Xfer.NR_PUTS);
        int minimum = raw.getInt(Abi.Xfer.MIN_GETS);
        check(room <= Abi.ABUSE_MAX_BATCH && answers <= Abi.ABUSE_MAX_BATCH && minimum <= room);
        check(raw.getLong(Abi.Xfer.BUFFER) % 4096 == 0);
        node.checkBinding(Call.TRANSFER);
        if (disk.config == null) {
            throw new DeviceException(disk.path, Call.TRANSFER, Unix.ENODEV);
        }
        if (disk.transferFailure != 0 && answers > 0) {
            int errno = disk.transferFailure;
            disk.transferFailure = 0;
            throw new DeviceException(disk.path, Call.TRANSFER, errno);
        }
        if ((flags & Abi.ABUSE_XFER_DRAIN) != 0) {
            node.draining = true;
            disk.notifyAll();
        }
        node.number = node.number == 0 && room > 0 && !node.draining ? ++disk.servers : node.number;
        disk.orphaned &= room == 0 || node.draining;
        disk.busyNs = room > 0 ? raw.getInt(Abi.Xfer.BUSY_NS) : disk.busyNs;
        int taken = 0;
        boolean refused = false;
        for (int i = 0; i < answers; i++) {
            int put = batch.putAt(i);
            int status = take(raw, put, noFault);
            raw.putInt(put + Abi.Put.STATUS, -status);
            taken += status == 0 ? 1 : 0;
            refused |= status != 0;
        }
        raw.putInt(Abi.Xfer.NR_PUTS, taken);
        int queue = raw.getInt(Abi.Xfer.QUEUE);
        long timeout = raw.getLong(Abi.Xfer.TIMEOUT_NS);
        long end = System.nanoTime() + timeout;
        long before = disk.generation;
        // A refused answer must be reported at once
        while (!node.draining && !refused && node.waiting(queue) < minimum) {
            if (disk.interruptions > 0) {
                disk.interruptions--;
                // The call succeeds if it took answers
                raw.putInt(Abi.Xfer.NR_GETS, 0);
                return answers > 0;
            }
            node.waiting++;
            boolean timeIsLeft = node.pause(timeout == Abi.ABUSE_NO_TIMEOUT ? Long.MAX_VALUE : end - System.nanoTime());
            node.waiting--;
            if (!timeIsLeft) {
                break;
            }
            if (disk.generation != before) {
                throw new DeviceException(disk.path, Call.TRANSFER, Unix.ENODEV);
            }
        }
        raw.putInt(Abi.Xfer.NR_GETS, node.draining ? 0 : hand(batch, queue, room));
        return true;
    }

    private void check(boolean right) throws DeviceException {
        if (!right) {
            throw new DeviceException(disk.path, Call.TRANSFER, Unix.EINVAL);
        }
    }

    private int take(ByteBuffer raw, int put, boolean noFault) {
        Submitted request = disk.owned.get(raw.getLong(put + Abi.Put.ID));
        int result = raw.getInt(put + Abi.Put.RESULT);
        long address = raw.getLong(put + Abi.Put.ADDRESS);
        if (result > Abi.ABUSE_RESULT_RETRY) {
            return Unix.EINVAL;
        }
        if (disk.copiesFenced && result == Abi.ABUSE_RESULT_COPY) {
            disk.copiesFenced = false;
            disk.fence();
        }
        if (request == null || request.owner != node) {
            disk.stale++;
            node.stale++;
            return Unix.ENOMSG;
        }
        if (request.busy) {
            return Unix.EBUSY;
        }
        if (result == Abi.ABUSE_RESULT_RETRY) {
            if (request.data == null || !disk.config.flags().contains(Flag.MAPPABLE)) {
                return Unix.EINVAL;
            }
            disk.owned.remove(request.id);
            disk.retry(request);
            return 0;
        }
        boolean copy = result == Abi.ABUSE_RESULT_COPY;
        if ((copy || result == Abi.ABUSE_RESULT_OKAY) && request.data != null
                && (address != 0 || request.operation == Operation.READ)) {
            int status = move(request, address, noFault);
            if (status != 0) {
                return status;
            }
        }
        if (copy) {
            return 0;
        }
        disk.owned.remove(request.id);
        disk.puts++;
        node.puts++;
        if (result == Abi.ABUSE_RESULT_DEVICE_FAILURE) {
            disk.failing = true;
        }
        request.result = result;
        disk.finish(request, disk.failing || result != Abi.ABUSE_RESULT_OKAY);
        return 0;
    }

    /** Copies the request's data; a wait for memory does not keep others from the disk. */
    private int move(Submitted request, long address, boolean noFault) {
        if (address == 0 || address == disk.unreachable) {
            return Unix.EFAULT;
        }
        var pages = new ArrayList<Long>();
        for (long page = address >> 12; page <= address + request.data.length - 1 >> 12; page++) {
            pages.add(page);
        }
        if (!disk.present.containsAll(pages)) {
            if (noFault) {
                return Unix.EAGAIN;
            }
            long id = request.id;
            request.busy = true;
            disk.mostFaulting = Math.max(disk.mostFaulting, ++disk.faulting);
            disk.notifyAll();
            while (disk.faultsHeld) {
                node.pause(Long.MAX_VALUE);
            }
            disk.faulting--;
            if (disk.owned.get(id) != request) {
                return Unix.ENOMSG;
            }
            request.busy = false;
        }
        boolean moved = request.operation == Operation.READ ? UserMemory.read(address, request.data)
                : UserMemory.write(address, request.data);
        if (!moved) {
            return Unix.EFAULT;
        }
        disk.present.addAll(pages);
        return 0;
    }

    private int hand(Batch batch, int queue, int room) {
        ByteBuffer raw = batch.raw();
        long buffer = raw.getLong(Abi.Xfer.BUFFER);
        long space = raw.getLong(Abi.Xfer.BUFFER_SIZE);
        long used = 0;
        int handed = 0;
        int most = disk.conditions.contains(Condition.QUIESCED) ? 0 : room;
        for (var i = disk.pending.iterator(); i.hasNext() && handed < most;) {
            Submitted request = i.next();
            if (queue != Abi.ABUSE_ANY_QUEUE && request.queue != queue) {
                continue;
            }
            long address = 0;
            if (buffer != 0 && request.data != null) {
                if (used + request.length > space) {
                    break;
                }
                address = buffer + used;
                used += (request.length + 4095) & -4096;
                if (request.operation == Operation.WRITE) {
                    UserMemory.write(address, request.data);
                }
            }
            i.remove();
            request.id = ++disk.gets + (disk.generation << 32);
            request.owner = node;
            request.gets++;
            node.gets++;
            disk.owned.put(request.id, request);
            if (request.redelivered) {
                disk.redelivered++;
            }
            int get = batch.nextGetAt(handed++);
            raw.putLong(get + Abi.Get.ID, request.id);
            raw.putLong(get + Abi.Get.SECTOR, request.offset / 512);
            raw.putLong(get + Abi.Get.ADDRESS, address);
            raw.putInt(get + Abi.Get.LENGTH, (int) request.length);
            raw.putShort(get + Abi.Get.COMMAND, (short) request.operation.ordinal());
            raw.putShort(get + Abi.Get.FLAGS, (short) (request.flags.stream().mapToInt(flag -> flag.bit).sum()
                    | (request.redelivered ? Abi.ABUSE_GET_REDELIVERED : 0)));
        }
        if (handed > 0) {
            disk.batchSizes.add(handed);
        }
        return handed;
    }
}
