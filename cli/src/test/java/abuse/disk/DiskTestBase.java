// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.device.Device;
import abuse.device.SimulatedDevices;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;

/** Disks on simulated devices. */
@Timeout(600)
abstract class DiskTestBase {
    static final int BLOCK = 4096;
    static final int SIZE = 1 << 20;

    final SimulatedDevices devices = new SimulatedDevices();
    final abuse.device.SimulatedDisk kernel = devices.add(0);
    final List<String> problems = new CopyOnWriteArrayList<>();

    @AfterEach
    void nothing_is_left() {
        assertEquals(0, kernel.openNodes(), "open control nodes");
        assertEquals(List.of(), Thread.getAllStackTraces().keySet().stream().map(Thread::getName)
                .filter(name -> name.matches("(disk|queue|storage) .*")).toList(), "threads");
    }

    DiskBuilder builder() {
        return Disk.builder().size(SIZE).listener(problems::add);
    }

    static byte[] bytes(int value) {
        byte[] bytes = new byte[BLOCK];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    static boolean isSetUp(SimulatedDevices devices, int number) throws Exception {
        try (Device device = devices.open("/dev/abctl" + number)) {
            return device.status().isSetUp();
        }
    }
}
