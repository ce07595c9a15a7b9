// SPDX-License-Identifier: Apache-2.0
package abuse.device;

/** How a request is answered. */
public enum Result {
    OKAY(Abi.ABUSE_RESULT_OKAY),
    /** This request fails with an I/O error. */
    MEDIA_FAILURE(Abi.ABUSE_RESULT_MEDIA_FAILURE),
    /** This request and all others fail, until the device is reset or reconnected. */
    DEVICE_FAILURE(Abi.ABUSE_RESULT_DEVICE_FAILURE),
    /** This request fails with ENOSPC. */
    NO_SPACE(Abi.ABUSE_RESULT_NO_SPACE),
    /** This request fails with ETIMEDOUT. */
    TIMEOUT(Abi.ABUSE_RESULT_TIMEOUT),
    /** This request fails with EREMOTEIO. */
    REMOTE_FAILURE(Abi.ABUSE_RESULT_REMOTE_FAILURE),
    /** This read or write is submitted anew, and takes the way that is mapped by now. */
    RETRY(Abi.ABUSE_RESULT_RETRY);

    final int code;

    Result(int code) {
        this.code = code;
    }
}
