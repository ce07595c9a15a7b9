// SPDX-License-Identifier: Apache-2.0
/** Block devices for tests with JUnit 5: {@link abuse.junit.TempDisk} and {@link abuse.junit.TempDiskExtension}. */
package abuse.junit;
