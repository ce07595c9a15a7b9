// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

/**
 * The disk that a backend is asked to hold.
 *
 * @param capacity bytes, more than 0
 * @param maxRequest bytes of the longest read or write
 * @param readOnly nothing will be written
 * @param writeThrough there will be no flush: what returned from a write, discard or write of
 *     zeroes must be durable
 */
public record Geometry(long capacity, int maxRequest, boolean readOnly, boolean writeThrough) {}
