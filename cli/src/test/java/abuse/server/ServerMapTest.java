// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Mapper;
import abuse.device.Device;
import abuse.device.Extent;
import abuse.device.Flag;
import abuse.device.OtherContentException;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Backends that map their disk. */
class ServerMapTest extends ServerTestBase {
    private static final List<Extent> ALL = List.of(new Extent(0, CAPACITY, "/dev/sda", 0, true));

    private volatile Mapper mapper;

    private final class MappingBackend extends ModelBackend {
        @Override
        public void start(Mapper given) throws IOException {
            mapper = given;
            given.map(0, CAPACITY, "/dev/sda", 0, true);
        }

        @Override
        public String identity() {
            return "mapping";
        }
    }

    private List<Extent> extents() throws Exception {
        try (Device device = devices.open("/dev/abctl0")) {
            return device.extents();
        }
    }

    @Test
    void a_backend_maps_the_disk_until_the_server_is_stopped() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        var server = serve(geometry -> {
            assertTrue(geometry.mappable());
            return new MappingBackend();
        });
        assertEquals(ALL, extents());
        mapper.unmap(0, BLOCK);
        assertEquals(BLOCK, extents().get(0).offset());
        server.stop();
        assertEquals(List.of(), extents());
    }

    @Test
    void what_is_mapped_stays_while_another_server_is_there() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        var first = serve(new MappingBackend());
        var second = serve(new MappingBackend());
        try (Device device = devices.open("/dev/abctl0")) {
            while (device.servers().size() < 2 * new MappingBackend().threads()) {
                Thread.sleep(5);
            }
        }
        first.stop();
        assertEquals(ALL, extents());
        second.stop();
        assertEquals(List.of(), extents());
    }

    @Test
    void nothing_is_mapped_where_that_is_not_wanted() throws Exception {
        disk.setUp(CAPACITY);
        serve(geometry -> {
            assertFalse(geometry.mappable());
            return new MappingBackend();
        }).stop();
        disk.reset();
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        var running = new RunningServer(devices, "model", geometry -> {
            assertFalse(geometry.mappable());
            return new MappingBackend();
        });
        running.server.withoutMap();
        start(running).awaitReady();
        assertEquals(List.of(), extents());
    }

    @Test
    void a_server_that_may_not_serve_maps_nothing() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        serve(MEM);
        assertInstanceOf(OtherContentException.class, start(geometry -> new MappingBackend()).end());
        assertEquals(List.of(), extents());
    }
}
