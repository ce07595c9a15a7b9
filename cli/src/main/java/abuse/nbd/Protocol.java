// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Terminal;

/** The numbers of the NBD protocol, as its specification names them. */
final class Protocol {
    static final long NBDMAGIC = 0x4e42444d41474943L;
    static final long IHAVEOPT = 0x49484156454f5054L;
    static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
    static final int REQUEST_MAGIC = 0x25609513;
    static final int SIMPLE_REPLY_MAGIC = 0x67446698;
    static final int STRUCTURED_REPLY_MAGIC = 0x668e33ef;

    static final int FLAG_FIXED_NEWSTYLE = 1;
    static final int FLAG_NO_ZEROES = 2;

    static final int OPT_EXPORT_NAME = 1;
    static final int OPT_STARTTLS = 5;
    static final int OPT_GO = 7;
    static final int OPT_STRUCTURED_REPLY = 8;

    static final int REP_ACK = 1;
    static final int REP_INFO = 3;
    static final int REP_ERR_UNSUP = 1 << 31 | 1;
    static final int REP_ERR_POLICY = 1 << 31 | 2;
    static final int REP_ERR_TLS_REQD = 1 << 31 | 5;
    static final int REP_ERR_UNKNOWN = 1 << 31 | 6;
    static final int REP_ERR_SHUTDOWN = 1 << 31 | 7;
    static final int REP_ERR_BLOCK_SIZE_REQD = 1 << 31 | 8;

    static final int INFO_EXPORT = 0;
    static final int INFO_BLOCK_SIZE = 3;

    static final int SEND_READ_ONLY = 2;
    static final int SEND_FLUSH = 4;
    static final int SEND_FUA = 8;
    static final int SEND_TRIM = 32;
    static final int SEND_WRITE_ZEROES = 64;
    static final int CAN_MULTI_CONN = 256;

    /** What a client relies on as long as it uses an export. */
    static final int ABILITIES = SEND_FLUSH | SEND_FUA | SEND_TRIM | SEND_WRITE_ZEROES | CAN_MULTI_CONN;

    static final int CMD_READ = 0;
    static final int CMD_WRITE = 1;
    static final int CMD_DISC = 2;
    static final int CMD_FLUSH = 3;
    static final int CMD_TRIM = 4;
    static final int CMD_WRITE_ZEROES = 6;

    static final int CMD_FLAG_FUA = 1;
    static final int CMD_FLAG_NO_HOLE = 2;

    static final int REQUEST_SIZE = 28;
    static final int SIMPLE_REPLY_SIZE = 16;
    static final int STRUCTURED_REPLY_SIZE = 20;

    static final int REPLY_FLAG_DONE = 1;
    static final int REPLY_NONE = 0;
    static final int REPLY_OFFSET_DATA = 1;
    static final int REPLY_OFFSET_HOLE = 2;
    static final int REPLY_ERROR = 1 << 15 | 1;
    static final int REPLY_ERROR_OFFSET = 1 << 15 | 2;

    // The error numbers are those of Linux
    static final int ENOSPC = 28;
    static final int ESHUTDOWN = 108;

    /** The longest read or write where the server names none. */
    static final int DEFAULT_MAXIMUM = 32 << 20;

    /** Why a connection is given up. */
    static final String BROKEN = "the server does not keep to the NBD protocol";

    private Protocol() {}

    /** What a server says to people, in one line and without a terminal's control characters. */
    static String words(byte[] text) {
        return Terminal.printable(new String(text, UTF_8));
    }
}
