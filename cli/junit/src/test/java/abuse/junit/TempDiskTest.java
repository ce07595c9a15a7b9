// SPDX-License-Identifier: Apache-2.0
package abuse.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import abuse.disk.Disk;
import abuse.disk.DiskException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * What tests do that cannot have the disk they want: the module is missing, the user may not, or they are wrong. Real
 * disks are in vm/tests/t-library.sh.
 */
class TempDiskTest {
    /** How each test ended, in words. */
    private static List<String> run(Class<?> tests, String unavailable) {
        var outcomes = new ArrayList<String>();
        var request = LauncherDiscoveryRequestBuilder.request().selectors(selectClass(tests));
        if (unavailable != null) {
            request.configurationParameter(TempDiskExtension.UNAVAILABLE, unavailable);
        }
        LauncherFactory.create().execute(request.build(), new TestExecutionListener() {
            @Override
            public void executionSkipped(TestIdentifier test, String reason) {
                outcomes.add("skipped: " + reason);
            }

            @Override
            public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                if (test.isTest() || result.getThrowable().isPresent()) {
                    outcomes.add(result.getThrowable().map(TempDiskTest::words).orElse("passed"));
                }
            }
        });
        return outcomes;
    }

    private static String words(Throwable failure) {
        return failure.getMessage() + (failure.getCause() == null ? "" : " / " + words(failure.getCause()));
    }

    /** Why this machine has no disks for us; null if it has. */
    private static String refusal() {
        try {
            Disk.checkAvailable();
            return null;
        } catch (DiskException e) {
            return e.getMessage();
        }
    }

    static class WithParameter {
        @Test
        void test(@TempDisk Path disk) {
            assertTrue(disk.startsWith("/dev"));
        }
    }

    static class WithField {
        @TempDisk
        Disk disk;

        @Test
        void test() {
            assertEquals(16 << 20, disk.size());
        }
    }

    static class WithBuilder {
        @RegisterExtension
        final TempDiskExtension disk = new TempDiskExtension(Disk.builder().size(1 << 20));

        @Test
        void test() {
            assertTrue(disk.path().startsWith("/dev"));
        }
    }

    private static final List<Class<?>> ALL = List.of(WithParameter.class, WithField.class, WithBuilder.class);

    @Test
    void without_a_disk_a_test_fails_and_says_what_to_do() {
        String refusal = refusal();
        for (Class<?> tests : ALL) {
            List<String> outcomes = run(tests, null);
            assertEquals(1, outcomes.size(), outcomes.toString());
            assertTrue(outcomes.get(0).contains(refusal == null ? "passed" : refusal), outcomes + " instead of " + refusal);
        }
    }

    @Test
    void it_is_skipped_if_that_is_wanted() {
        String refusal = refusal();
        for (Class<?> tests : ALL) {
            assertEquals(List.of(refusal == null ? "passed" : "skipped: " + refusal), run(tests, "skip"), tests.getName());
        }
    }

    @Test
    void another_word_is_refused() {
        List<String> outcomes = run(WithParameter.class, "never");
        assertEquals(1, outcomes.size(), outcomes.toString());
        assertTrue(outcomes.get(0).contains("abuse.unavailable=never is neither fail nor skip"), outcomes.toString());
    }

    static class WrongType {
        @Test
        void test(@TempDisk String disk) {}
    }

    static class PrivateField {
        @TempDisk
        private Path disk;

        @Test
        void test() {
            assertNull(disk);
        }
    }

    static class RecordedPath {
        @Test
        void test(@TempDisk(recorded = true) Path disk) {}
    }

    @Test
    void a_mistake_is_told() {
        assertTrue(run(RecordedPath.class, null).get(0).contains("must be a Disk, as it is recorded"));
        assertTrue(run(WrongType.class, null).get(0).contains("must be a Path or a Disk"));
        assertTrue(run(PrivateField.class, null).get(0).contains("must be neither private nor final"));
    }

    @Test
    void there_is_no_disk_outside_a_test() {
        assertThrows(IllegalStateException.class, () -> new TempDiskExtension(Disk.builder().size(1 << 20)).path());
    }
}
