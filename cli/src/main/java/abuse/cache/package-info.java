/** A cache in front of a backend: the kernel itself reads what is in it. */
package abuse.cache;
