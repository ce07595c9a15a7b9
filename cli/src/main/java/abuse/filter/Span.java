// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

/**
 * A part of a disk.
 *
 * @param start its first byte
 * @param end the byte behind its last one
 */
public record Span(long start, long end) {
    boolean overlaps(long offset, long length) {
        return offset < end && offset + length > start;
    }
}
