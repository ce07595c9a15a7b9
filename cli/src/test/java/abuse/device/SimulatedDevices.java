// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.libc.Unix;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A machine with as many simulated devices as a test wants; none is one without the module. */
public final class SimulatedDevices implements Devices {
    private final Map<String, SimulatedDisk> disks = new LinkedHashMap<>();
    private final Map<String, Integer> refusals = new LinkedHashMap<>();

    public SimulatedDisk add(int number) {
        String path = "/dev/abctl" + number;
        var disk = new SimulatedDisk(path, number);
        disks.put(path, disk);
        return disk;
    }

    /** Makes the open of a path fail. */
    public void refuse(String path, int errno) {
        refusals.put(path, errno);
        disks.putIfAbsent(path, new SimulatedDisk(path, 0));
    }

    @Override
    public Device open(String path) throws DeviceException {
        if (refusals.containsKey(path)) {
            throw new DeviceException(path, Call.OPEN, refusals.get(path));
        }
        if (!disks.containsKey(path)) {
            throw new DeviceException(path, Call.OPEN, Unix.ENOENT);
        }
        return disks.get(path).open();
    }

    @Override
    public List<String> list() {
        return List.copyOf(disks.keySet());
    }

    @Override
    public boolean isModuleLoaded() {
        return !disks.isEmpty();
    }
}
