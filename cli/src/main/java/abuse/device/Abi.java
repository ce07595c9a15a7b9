// SPDX-License-Identifier: Apache-2.0
package abuse.device;

/**
 * module/uapi/abuse.h in Java. Every structure has SIZE_OF and one offset for each field, by the
 * field's name in capitals; AbiTest compares them with what the C compiler says.
 */
final class Abi {
    static final int ABUSE_RESET = 0x4123;
    static final int ABUSE_XFER = 0x4126;
    static final int ABUSE_SETUP = 0x4127;
    static final int ABUSE_STATUS = 0x4128;
    static final int ABUSE_REQUEUE = 0x4129;
    static final int ABUSE_REMOVE = 0x412a;
    static final int ABUSE_SERVE = 0x412b;
    static final int ABUSE_SERVERS = 0x412c;
    static final int ABUSE_REQUESTS = 0x412d;
    static final int ABUSE_QUIESCE = 0x412e;
    static final int ABUSE_REMOVE_LAZY = 0x412f;
    static final int ABUSE_ADD = 0x4130;
    static final int ABUSE_MAP = 0x4131;
    static final int ABUSE_UNMAP = 0x4132;
    static final int ABUSE_EXTENTS = 0x4133;
    static final int ABUSE_LENT = 0x4134;

    static final int ABUSE_FLAGS_READ_ONLY = 1;
    static final int ABUSE_FLAGS_RECONNECT = 2;
    static final int ABUSE_FLAGS_WRITE_CACHE = 4;
    static final int ABUSE_FLAGS_DISCARD = 8;
    static final int ABUSE_FLAGS_WRITE_ZEROES = 16;
    static final int ABUSE_FLAGS_AUTOREMOVE = 32;
    static final int ABUSE_FLAGS_PARTSCAN = 64;
    static final int ABUSE_FLAGS_ROTATIONAL = 128;
    static final int ABUSE_FLAGS_MAPPABLE = 256;

    static final int ABUSE_READ = 0;
    static final int ABUSE_WRITE = 1;
    static final int ABUSE_SYNC_NOTIFICATION = 2;
    static final int ABUSE_DISCARD = 3;
    static final int ABUSE_WRITE_ZEROES = 4;

    static final int ABUSE_RESULT_OKAY = 0;
    static final int ABUSE_RESULT_MEDIA_FAILURE = 1;
    static final int ABUSE_RESULT_DEVICE_FAILURE = 2;
    static final int ABUSE_RESULT_COPY = 3;
    static final int ABUSE_RESULT_NO_SPACE = 4;
    static final int ABUSE_RESULT_TIMEOUT = 5;
    static final int ABUSE_RESULT_REMOTE_FAILURE = 6;
    static final int ABUSE_RESULT_RETRY = 7;

    static final int ABUSE_MAX_DEPTH = 4096;
    static final int ABUSE_MAX_REQUEST = 1024 * 1024;
    static final int ABUSE_MAX_RANGE = 0xfff00000;
    static final int ABUSE_MAX_IO_SIZE = 16 * 1024 * 1024;
    static final int ABUSE_MAX_TIMEOUT = 24 * 60 * 60 * 1000;
    static final int ABUSE_MAX_BATCH = 4096;
    static final int ABUSE_MAX_PIECES = 1024;
    static final int ABUSE_MAX_USER_REQUESTS = 4096;
    static final int ABUSE_MAX_USER_EXTENTS = 65536;
    static final int ABUSE_IDENTITY_SIZE = 32;
    static final int ABUSE_TEXT_SIZE = 128;
    static final int ABUSE_COMMAND_SIZE = 16;

    static final int ABUSE_STATE_NONE = 0;
    static final int ABUSE_STATE_LIVE = 1;
    static final int ABUSE_STATE_FAILED = 2;
    static final int ABUSE_STATE_ORPHANED = 3;

    static final int ABUSE_CONDITION_LEAVING = 1;
    static final int ABUSE_CONDITION_QUIESCED = 2;

    static final int ABUSE_QUIESCE_RESUME = 1;
    static final int ABUSE_NO_LIMIT = ~0;

    static final int ABUSE_LATENCY_BUCKETS = 96;

    static final int ABUSE_GET_FUA = 1;
    static final int ABUSE_GET_REDELIVERED = 2;
    static final int ABUSE_GET_NOUNMAP = 4;
    static final int ABUSE_GET_META = 8;
    static final int ABUSE_GET_RAHEAD = 16;
    static final int ABUSE_GET_SWAP = 32;
    static final int ABUSE_GET_FAULT = 64;

    static final int ABUSE_EXTENT_WRITE = 1;
    static final int ABUSE_EXTENT_MEMORY = 2;
    static final int ABUSE_EXTENT_DISCARD = 4;
    static final int ABUSE_EXTENT_WRITE_ZEROES = 8;
    static final int ABUSE_MAP_REPLACE = 1;

    static final int ABUSE_SERVER_DRAINING = 1;
    static final int ABUSE_SERVER_OVER = 2;

    static final int ABUSE_REQUEST_PENDING = 0;
    static final int ABUSE_REQUEST_OWNED = 1;
    static final int ABUSE_REQUEST_BUSY = 2;

    static final int ABUSE_XFER_DRAIN = 1;
    static final int ABUSE_XFER_NO_FAULT = 2;
    static final int ABUSE_ANY_DEVICE = ~0;
    static final int ABUSE_ANY_QUEUE = ~0;
    static final int ABUSE_BUSY_AUTO = ~0;
    static final int ABUSE_MAX_BUSY = 10_000_000;
    static final long ABUSE_NO_TIMEOUT = ~0L;

    /** struct abuse_config. */
    static final class Config {
        static final int SIZE_OF = 72;
        static final int SIZE = 0;
        static final int FLAGS = 4;
        static final int CAPACITY = 8;
        static final int BLOCK_SIZE = 16;
        static final int PHYSICAL_BLOCK_SIZE = 20;
        static final int QUEUE_DEPTH = 24;
        static final int QUEUES = 28;
        static final int MAX_REQUEST = 32;
        static final int TIMEOUT_MS = 36;
        static final int ORPHAN_MS = 40;
        static final int UNSERVED_MS = 44;
        static final int IO_MIN = 48;
        static final int IO_OPT = 52;
        static final int DISCARD_GRANULARITY = 56;
        static final int MAX_DISCARD = 60;
        static final int MAX_WRITE_ZEROES = 64;
        static final int RESERVED = 68;

        private Config() {}
    }

    /** struct abuse_status. */
    static final class Status {
        static final int SIZE_OF = 1024;
        static final int SIZE = 0;
        static final int FLAGS = 4;
        static final int DEVICE = 8;
        static final int CAPACITY = 16;
        static final int NUMBER = 24;
        static final int STATE = 28;
        static final int BLOCK_SIZE = 32;
        static final int PHYSICAL_BLOCK_SIZE = 36;
        static final int QUEUE_DEPTH = 40;
        static final int QUEUES = 44;
        static final int MAX_REQUEST = 48;
        static final int TIMEOUT_MS = 52;
        static final int PENDING = 56;
        static final int OWNED = 60;
        static final int SERVERS = 64;
        static final int OPENERS = 68;
        static final int GETS = 72;
        static final int PUTS = 80;
        static final int REDELIVERED = 88;
        static final int STALE = 96;
        static final int TIMEOUTS = 104;
        static final int ERRORS = 112;
        static final int CAPACITY_LIMIT = 120;
        static final int BLOCK_SIZE_LIMIT = 128;
        static final int QUEUE_DEPTH_LIMIT = 132;
        static final int QUEUES_LIMIT = 136;
        static final int REQUESTS_LIMIT = 140;
        static final int MAX_REQUEST_LEAST = 144;
        static final int MAX_REQUEST_LIMIT = 148;
        static final int TIMEOUT_LIMIT_MS = 152;
        static final int BATCH_LIMIT = 156;
        static final int PIECES_LIMIT = 160;
        static final int PUT_SIZE = 164;
        static final int GET_SIZE = 166;
        static final int LATENCY = 168;
        static final int ORPHAN_MS = 936;
        static final int UNSERVED_MS = 940;
        static final int IO_MIN = 944;
        static final int IO_OPT = 948;
        static final int DISCARD_GRANULARITY = 952;
        static final int MAX_DISCARD = 956;
        static final int MAX_WRITE_ZEROES = 960;
        static final int CONDITIONS = 964;
        static final int MAPPED_READS = 968;
        static final int MAPPED_WRITES = 976;
        static final int MAPPED_READ_BYTES = 984;
        static final int MAPPED_WRITTEN_BYTES = 992;
        static final int MISSES = 1000;
        static final int FAULTS = 1008;
        static final int EXTENTS = 1016;

        private Status() {}
    }

    /** struct abuse_put. */
    static final class Put {
        static final int SIZE_OF = 40;
        static final int ID = 0;
        static final int ADDRESS = 8;
        static final int RESULT = 16;
        static final int STATUS = 20;
        static final int OFFSET = 24;
        static final int LENGTH = 28;
        static final int NR_PIECES = 32;
        static final int RESERVED = 36;

        private Put() {}
    }

    /** struct abuse_get. */
    static final class Get {
        static final int SIZE_OF = 32;
        static final int ID = 0;
        static final int SECTOR = 8;
        static final int ADDRESS = 16;
        static final int LENGTH = 24;
        static final int COMMAND = 28;
        static final int FLAGS = 30;

        private Get() {}
    }

    /** struct abuse_xfer. */
    static final class Xfer {
        static final int SIZE_OF = 72;
        static final int SIZE = 0;
        static final int FLAGS = 4;
        static final int PUTS = 8;
        static final int GETS = 16;
        static final int BUFFER = 24;
        static final int BUFFER_SIZE = 32;
        static final int TIMEOUT_NS = 40;
        static final int NR_PUTS = 48;
        static final int NR_GETS = 52;
        static final int MIN_GETS = 56;
        static final int QUEUE = 60;
        static final int PUT_SIZE = 64;
        static final int GET_SIZE = 66;
        static final int BUSY_NS = 68;

        private Xfer() {}
    }

    /** struct abuse_serve. */
    static final class Serve {
        static final int SIZE_OF = 176;
        static final int SIZE = 0;
        static final int FLAGS = 4;
        static final int QUEUE = 8;
        static final int PID = 12;
        static final int IDENTITY = 16;
        static final int TEXT = 48;

        private Serve() {}
    }

    /** struct abuse_quiesce. */
    static final class Quiesce {
        static final int SIZE_OF = 16;
        static final int SIZE = 0;
        static final int FLAGS = 4;
        static final int TIMEOUT_MS = 8;
        static final int OWNED = 12;

        private Quiesce() {}
    }

    /** struct abuse_list. */
    static final class Listing {
        static final int SIZE_OF = 40;
        static final int SIZE = 0;
        static final int FLAGS = 4;
        static final int ELEMENTS = 8;
        static final int CURSOR = 16;
        static final int ELEMENT_SIZE = 24;
        static final int NR = 28;
        static final int TOTAL = 32;
        static final int RESERVED = 36;

        private Listing() {}
    }

    /** struct abuse_lent. */
    static final class Lent {
        static final int SIZE_OF = 24;
        static final int SIZE = 0;
        static final int FLAGS = 4;
        static final int OFFSET = 8;
        static final int DESCRIPTOR = 16;
        static final int RESERVED = 20;

        private Lent() {}
    }

    /** struct abuse_server. */
    static final class Server {
        static final int SIZE_OF = 208;
        static final int SERVER = 0;
        static final int GETS = 8;
        static final int PUTS = 16;
        static final int STALE = 24;
        static final int PID = 32;
        static final int UID = 36;
        static final int QUEUE = 40;
        static final int FLAGS = 44;
        static final int WAITING = 48;
        static final int OWNED = 52;
        static final int OLDEST_MS = 56;
        static final int IDLE_MS = 60;
        static final int COMMAND = 64;
        static final int TEXT = 80;

        private Server() {}
    }

    /** struct abuse_request. */
    static final class Request {
        static final int SIZE_OF = 48;
        static final int SERVER = 0;
        static final int SECTOR = 8;
        static final int LENGTH = 16;
        static final int COMMAND = 20;
        static final int FLAGS = 22;
        static final int STATE = 24;
        static final int QUEUE = 28;
        static final int GETS = 32;
        static final int PID = 36;
        static final int AGE_MS = 40;
        static final int RESERVED = 44;

        private Request() {}
    }

    /** struct abuse_extent. */
    static final class Extent {
        static final int SIZE_OF = 40;
        static final int OFFSET = 0;
        static final int LENGTH = 8;
        static final int TARGET_OFFSET = 16;
        static final int TARGET = 24;
        static final int FLAGS = 32;
        static final int FILESYSTEM = 36;

        private Extent() {}
    }

    /** struct abuse_extents. */
    static final class Extents {
        static final int SIZE_OF = 32;
        static final int SIZE = 0;
        static final int FLAGS = 4;
        static final int EXTENTS = 8;
        static final int ELEMENT_SIZE = 16;
        static final int NR = 20;
        static final int DONE = 24;
        static final int RESERVED = 28;

        private Extents() {}
    }

    private Abi() {}
}
