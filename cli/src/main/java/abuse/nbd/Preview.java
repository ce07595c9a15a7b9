// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.AsyncRequest;
import abuse.backend.Backend;
import abuse.backend.Image;
import abuse.backend.OneRequest;
import java.io.IOException;
import java.nio.ByteBuffer;

/** An export before there is its disk, whose blocks may be too small for it; nobody waits for it for ever. */
record Preview(NbdBackend backend) implements Backend {
    private static final long LIMIT_MS = 30_000;

    /** What an export is like. */
    static Image of(NbdBackend backend) throws IOException {
        Export export = backend.export();
        // Larger blocks are refused anyway
        Image seen = export.minimum() > NbdBackend.LARGEST_BLOCK ? null : Image.of(new Preview(backend), export.readOnly());
        return new Image(backend.size(), seen == null ? null : seen.format(), export.minimum(), export.readOnly(),
                export.has(Protocol.SEND_TRIM), export.has(Protocol.SEND_WRITE_ZEROES));
    }

    @Override
    public long size() {
        return backend.size();
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        int block = backend.export().minimum();
        long first = offset & -block;
        long end = Math.min(offset + into.remaining() + block - 1 & -block, backend.export().size());
        ByteBuffer data = ByteBuffer.allocateDirect((int) (end - first));
        if (!new OneRequest(AsyncRequest.Kind.READ, first, data.capacity(), data, Long.MAX_VALUE).carryOut(backend, LIMIT_MS)) {
            throw new IOException(backend.text() + ": the server does not answer");
        }
        into.put(data.clear().slice((int) (offset - first), into.remaining()));
    }

    @Override
    public void write(long offset, ByteBuffer from) {
        throw new UnsupportedOperationException();
    }
}
