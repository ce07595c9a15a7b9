// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.writelog.LogWriter;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

/** Records what changes the disk. */
final class RecordFilter extends Filter implements Marked {
    /** record. */
    public static final class Factory implements TakesAll {
        @Override
        public String name() {
            return "record";
        }

        @Override
        public String help() {
            return "Records all that changes the disk, with its data, in the format of dm-log-writes, for abusectl-replay(8)"
                    + " and abusectl-crashes(8). It takes all requests. RECORDS below tells more.";
        }

        @Override
        public List<Key> keys() {
            return List.of(new Key("file", Key.Kind.FILE, null, "the file, which must not be there yet, or have no entries; must be given, and"
                    + " may be given as record:PATH"));
        }

        @Override
        public Filter make(Settings settings) {
            if (!settings.has("file")) {
                throw new IllegalArgumentException("needs a file, as in record:PATH");
            }
            // What is left out would look as if it had never been written, or flushed
            Selection.refuse(settings, "a record");
            return new RecordFilter(settings);
        }
    }

    private final String file;
    private Consumer<String> administrator;
    /** Null if the file could not be made. */
    private LogWriter log;

    private RecordFilter(Settings settings) {
        super(settings);
        file = settings.word("file", null);
    }

    @Override
    protected void open(Surroundings surroundings) throws IOException {
        administrator = surroundings.administrator();
        log = new LogWriter(file, surroundings.geometry().blockSize());
    }

    @Override
    protected boolean takes(FilteredRequest request) {
        return request.kind() != Kind.READ && selection().picks(request);
    }

    /** What another server writes would not be in the log. */
    @Override
    protected boolean keepsState() {
        return true;
    }

    @Override
    protected void take(FilteredRequest request) {
        try {
            request.note(request.kind() == Kind.FLUSH ? log.flushing() : log.begun());
        } catch (IOException e) {
            tell(e);
        }
        request.pass();
    }

    @Override
    protected void answered(FilteredRequest request) {
        if (request.failure() != null) {
            return;
        }
        try {
            switch (request.kind()) {
                case WRITE -> log.written(request.note(), request.offset(), request.length(), request.address(), request.fua());
                case WRITE_ZEROES -> log.zeroed(request.note(), request.offset(), request.length(), request.fua());
                case DISCARD -> log.discarded(request.note(), request.offset(), request.length(), request.fua());
                case FLUSH -> log.flushed(request.note());
                default -> throw new IllegalStateException(request.kind().toString());
            }
        } catch (IOException e) {
            tell(e);
        }
    }

    private void tell(IOException e) {
        administrator.accept("record: " + e.getMessage());
    }

    @Override
    public void mark(String text) throws IOException {
        log.checkWhole();
        try {
            log.mark(text);
        } catch (IOException e) {
            // Unless it was only too long, what comes later is not recorded either
            if (!log.isWhole()) {
                tell(e);
            }
            throw e;
        }
    }

    @Override
    public void checkWhole() throws IOException {
        log.checkWhole();
    }

    @Override
    public void close() throws IOException {
        if (log != null) {
            log.close();
        }
        super.close();
    }
}
