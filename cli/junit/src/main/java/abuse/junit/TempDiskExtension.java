// SPDX-License-Identifier: Apache-2.0
package abuse.junit;

import abuse.backend.Backend;
import abuse.disk.Disk;
import abuse.disk.DiskBuilder;
import abuse.disk.DiskException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * Makes the disks of {@link TempDisk}. Registered by hand, it has one disk itself, which a test can be as particular about
 * as a {@link DiskBuilder}:
 *
 * <pre>{@code
 * @RegisterExtension
 * final TempDiskExtension disk = new TempDiskExtension(Disk.builder().backend(
 *         new FaultyBackend(new HeapBackend(64 << 20), access -> {
 *             if (access.kind() == AsyncRequest.Kind.WRITE && access.number() == 3) {
 *                 throw new IOException("the third write");
 *             }
 *         })));
 * }</pre>
 *
 * <p>That disk is there during each test or, if the field is static, during all tests of the class; the builder starts it
 * again for the next test.
 */
public final class TempDiskExtension
        implements ExecutionCondition, BeforeAllCallback, AfterAllCallback, BeforeEachCallback, AfterEachCallback,
        ParameterResolver {
    /** The configuration parameter that tells what a test does where there can be no disk: {@code fail} or {@code skip}. */
    public static final String UNAVAILABLE = "abuse.unavailable";

    private static final Namespace NAMESPACE = Namespace.create(TempDiskExtension.class);

    /** Null if the annotations tell all. */
    private final DiskBuilder own;
    private Disk disk;
    /** The class or test that the disk is for. */
    private String owner;

    /** Called by JUnit, for {@link TempDisk}. */
    public TempDiskExtension() {
        own = null;
    }

    /** Has a disk that the builder starts. */
    public TempDiskExtension(DiskBuilder builder) {
        own = builder;
    }

    /**
     * The disk, while a test runs.
     *
     * @throws IllegalStateException when there is none now
     */
    public Disk disk() {
        if (disk == null) {
            throw new IllegalStateException("there is a disk only while a test runs, if this is registered with a builder");
        }
        return disk;
    }

    /** The block device, such as /dev/abuse0, while a test runs. */
    public Path path() {
        return disk().path();
    }

    /** Skips a test that cannot have a disk, if that is wanted. */
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (!isSkipped(context)) {
            return ConditionEvaluationResult.enabled(null);
        }
        try {
            Disk.checkAvailable();
            return ConditionEvaluationResult.enabled(null);
        } catch (DiskException e) {
            return ConditionEvaluationResult.disabled(e.getMessage());
        }
    }

    @Override
    public void beforeAll(ExtensionContext context) throws Exception {
        if (own != null) {
            startOwn(context);
        } else {
            inject(context.getRequiredTestClass(), null, context);
        }
    }

    @Override
    public void beforeEach(ExtensionContext context) throws Exception {
        if (own != null) {
            startOwn(context);
            return;
        }
        for (Object instance : context.getRequiredTestInstances().getAllInstances()) {
            inject(instance.getClass(), instance, context);
        }
    }

    /** Unless the test is in a class that has it already. */
    private void startOwn(ExtensionContext context) {
        if (disk == null) {
            disk = start(own, context);
            owner = context.getUniqueId();
        }
    }

    @Override
    public void afterEach(ExtensionContext context) throws DiskException {
        close(context);
    }

    @Override
    public void afterAll(ExtensionContext context) throws DiskException {
        close(context);
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return own == null && parameter.isAnnotated(TempDisk.class);
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        TempDisk annotation = parameter.findAnnotation(TempDisk.class).orElseThrow();
        return value(annotation, parameter.getParameter().getType(), parameter.getParameter().toString(), context);
    }

    private static void inject(Class<?> type, Object instance, ExtensionContext context) throws IllegalAccessException {
        List<Field> fields = AnnotationSupport.findAnnotatedFields(type, TempDisk.class,
                field -> Modifier.isStatic(field.getModifiers()) == (instance == null));
        for (Field field : fields) {
            if (Modifier.isFinal(field.getModifiers()) || Modifier.isPrivate(field.getModifiers())) {
                throw new ExtensionConfigurationException("@TempDisk: " + field + " must be neither private nor final");
            }
            TempDisk annotation = AnnotationSupport.findAnnotation(field, TempDisk.class).orElseThrow();
            field.setAccessible(true);
            field.set(instance, value(annotation, field.getType(), field.toString(), context));
        }
    }

    private static Object value(TempDisk annotation, Class<?> type, String where, ExtensionContext context) {
        if (type != Path.class && type != Disk.class) {
            throw new ExtensionConfigurationException("@TempDisk: " + where + " must be a Path or a Disk");
        }
        if (annotation.recorded() && type != Disk.class) {
            throw new ExtensionConfigurationException("@TempDisk: " + where + " must be a Disk, as it is recorded");
        }
        DiskBuilder builder = Disk.builder().size(annotation.size()).blockSize(annotation.blockSize())
                .queues(annotation.queues()).backend(backend(annotation.backend(), annotation.size()))
                .name(context.getDisplayName());
        Disk started = start(annotation.recorded() ? builder.recorded() : builder, context);
        return type == Disk.class ? started : started.path();
    }

    private static Backend backend(Class<? extends Backend> type, long size) {
        try {
            Constructor<? extends Backend> constructor;
            Object[] arguments = {};
            try {
                constructor = type.getDeclaredConstructor(long.class);
                arguments = new Object[] {size};
            } catch (NoSuchMethodException e) {
                constructor = type.getDeclaredConstructor();
            }
            constructor.setAccessible(true);
            return constructor.newInstance(arguments);
        } catch (InvocationTargetException e) {
            throw new ExtensionConfigurationException("@TempDisk: " + type.getName() + " cannot be made: " + e.getCause(),
                    e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new ExtensionConfigurationException("@TempDisk: " + type.getName() + " cannot be made: " + e
                    + "; it needs a constructor for a long, or one without parameters", e);
        }
    }

    /** Starts a disk that ends with the context. */
    private static Disk start(DiskBuilder builder, ExtensionContext context) {
        try {
            Disk started = builder.start();
            // Not by an object in the store: old and new versions of JUnit close different kinds of those
            context.getStore(NAMESPACE).getOrComputeIfAbsent(context.getUniqueId(), id -> new Disks(), Disks.class)
                    .add(started);
            return started;
        } catch (DiskException e) {
            throw new ExtensionConfigurationException(e.getMessage(), e);
        }
    }

    private static boolean isSkipped(ExtensionContext context) {
        String word = context.getConfigurationParameter(UNAVAILABLE).orElse("fail");
        return switch (word) {
            case "fail" -> false;
            case "skip" -> true;
            default -> throw new ExtensionConfigurationException(UNAVAILABLE + "=" + word + " is neither fail nor skip");
        };
    }

    private void close(ExtensionContext context) throws DiskException {
        if (context.getUniqueId().equals(owner)) {
            disk = null;
            owner = null;
        }
        Disks disks = context.getStore(NAMESPACE).remove(context.getUniqueId(), Disks.class);
        if (disks != null) {
            disks.close();
        }
    }
}
