// SPDX-License-Identifier: Apache-2.0
package abuse.junit;

import abuse.backend.Backend;
import abuse.backend.HeapBackend;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Gives a test a block device of its own, as {@link org.junit.jupiter.api.io.TempDir} gives it a folder:
 *
 * <pre>{@code
 * @Test
 * void a_filesystem_fits(@TempDisk(size = 64 << 20) Path disk) {
 *     // disk is /dev/abuse0 or so, and full of zeros
 * }
 * }</pre>
 *
 * <p>It stands at a parameter of a test, a life-cycle method or a constructor, or at a field, which must not be private or
 * final; the type is {@link java.nio.file.Path} or {@link abuse.disk.Disk}. Each parameter and field has a disk of its own.
 * That of a static field, or of a parameter of a constructor or a {@code @BeforeAll} method, is there until the last test
 * of the class has ended, all others until the test has. The test fails if somebody still uses the disk then.
 *
 * <p>To have a disk whose third write fails, register a {@link TempDiskExtension} instead.
 *
 * <p>Where there can be no disk, because the kernel module is not loaded, or because the user may not open its devices, the
 * test fails, and says what to do about it: a test that is skipped everywhere would look like one that passes. Whoever wants
 * it to be skipped there, such as on the machines of developers, sets the configuration parameter {@value
 * TempDiskExtension#UNAVAILABLE} to {@code skip}, for example in {@code junit-platform.properties}.
 */
@Target({ElementType.PARAMETER, ElementType.FIELD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Documented
@ExtendWith(TempDiskExtension.class)
public @interface TempDisk {
    /** Bytes, a multiple of the block size. */
    long size() default 16 << 20;

    /** Bytes, a power of two from 512 to 65536. */
    int blockSize() default 4096;

    /** How many hardware queues it has, at most one for each processor. */
    int queues() default 1;

    /** Whether what is written is recorded, for {@link abuse.disk.CrashStates}; the parameter or field must be a {@code Disk} then. */
    boolean recorded() default false;

    /**
     * Where the bytes are: a class that has a constructor for the size, a {@code long}, or else one without parameters. An
     * object is made for each disk, and closed with it.
     */
    Class<? extends Backend> backend() default HeapBackend.class;
}
