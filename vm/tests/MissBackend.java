// SPDX-License-Identifier: Apache-2.0
import abuse.backend.Backend;
import abuse.backend.BackendFactory;
import abuse.backend.Geometry;
import abuse.backend.Mapper;
import abuse.backend.RetryException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;

/** Its bytes are those of the block device that its argument names; it maps 64 KiB of them when it is first asked for some. */
public final class MissBackend implements Backend, BackendFactory {
    private static final int PIECE = 64 << 10;

    private String target;
    private Mapper mapper;

    @Override
    public String name() {
        return "miss";
    }

    @Override
    public String argument() {
        return "DEVICE";
    }

    @Override
    public Backend open(String argument, Set<Option> options, Geometry geometry) {
        var backend = new MissBackend();
        backend.target = argument;
        return backend;
    }

    @Override
    public void start(Mapper given) {
        mapper = given;
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        map(offset, into.remaining());
    }

    @Override
    public void write(long offset, ByteBuffer from) throws IOException {
        map(offset, from.remaining());
    }

    private void map(long offset, int length) throws IOException {
        for (long start = offset - offset % PIECE; start < offset + length; start += PIECE) {
            mapper.map(start, PIECE, target, start, true);
        }
        throw new RetryException();
    }
}
