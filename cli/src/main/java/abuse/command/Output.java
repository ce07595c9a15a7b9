// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.io.IOException;
import java.io.OutputStream;

/** Standard output, which remembers its first error, as the writer above it hides errors. */
final class Output extends OutputStream {
    /** Something printed was lost. */
    static final class LostException extends IOException {
        private static final long serialVersionUID = 1;

        LostException(IOException cause) {
            super("standard output: " + cause.getMessage(), cause);
        }

        /** Whether the reader has gone, which is no error. The launcher makes the C library say it in English. */
        boolean isUnread() {
            return "Broken pipe".equals(getCause().getMessage());
        }
    }

    private final OutputStream stream;
    private volatile LostException lost;

    Output(OutputStream stream) {
        this.stream = stream;
    }

    /** The first error; null if there was none. */
    LostException lost() {
        return lost;
    }

    @Override
    public void write(int one) throws IOException {
        write(new byte[] {(byte) one}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        try {
            stream.write(bytes, offset, length);
        } catch (IOException e) {
            throw lose(e);
        }
    }

    @Override
    public void flush() throws IOException {
        try {
            stream.flush();
        } catch (IOException e) {
            throw lose(e);
        }
    }

    private LostException lose(IOException e) {
        if (lost == null) {
            lost = new LostException(e);
        }
        return lost;
    }
}
