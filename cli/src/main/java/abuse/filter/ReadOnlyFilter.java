// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.util.List;

/** Fails whatever would change the disk. */
final class ReadOnlyFilter extends Filter {
    /** readonly. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "readonly";
        }

        @Override
        public String help() {
            return "Fails what would change the disk with EIO, as a disk does that has become read-only; its users see a disk"
                    + " that can be written.";
        }

        @Override
        public List<Key> keys() {
            return List.of();
        }

        @Override
        public Filter make(Settings settings) {
            Selection.refuseWithout(settings, "readonly", "write", "discard", "write_zeroes");
            return new ReadOnlyFilter(settings);
        }
    }

    private ReadOnlyFilter(Settings settings) {
        super(settings);
    }

    @Override
    protected boolean looksAtData() {
        return false;
    }

    @Override
    protected boolean takes(FilteredRequest request) {
        return request.kind() != Kind.READ && request.kind() != Kind.FLUSH && selection().picks(request);
    }

    @Override
    protected void take(FilteredRequest request) {
        request.fail(Failure.IO, null);
    }
}
