// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncBackend;
import abuse.backend.Geometry;
import java.io.OutputStream;
import java.util.function.Consumer;

/**
 * What a filter is given when its disk is opened.
 *
 * @param geometry of the disk
 * @param log where filters write what has no place of its own, in whole lines
 * @param administrator is told of problems
 * @param inner what lies behind the filter, for requests of its own
 */
public record Surroundings(Geometry geometry, OutputStream log, Consumer<String> administrator, AsyncBackend inner) {}
