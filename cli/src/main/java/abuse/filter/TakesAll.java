// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

/** A kind of filter that takes all requests, and so refuses the keys that select some. */
interface TakesAll extends FilterFactory {}
