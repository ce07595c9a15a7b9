// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.io.IOException;

/** A block device cannot carry out the discards, or the writes of zeroes, that were to be mapped to it. */
public final class UnableException extends IOException {
    private static final long serialVersionUID = 1L;

    /** With words that name the block device. */
    public UnableException(String message) {
        super(message);
    }
}
