// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import com.kenai.jffi.CallContext;
import com.kenai.jffi.CallingConvention;
import com.kenai.jffi.Invoker;
import com.kenai.jffi.Type;
import java.util.Arrays;

/**
 * A function of a native library. All arguments and the result are longs: on every 64-bit Linux an int has a register of
 * its own, whose upper bits are its sign or are ignored. Cast the result of a function that returns an int. A call
 * allocates nothing.
 */
public final class NativeFunction {
    private static final Invoker INVOKER = NativePart.invoker();

    private final long address;
    private final CallContext types;

    NativeFunction(long address, int parameters) {
        var longs = new Type[parameters];
        Arrays.fill(longs, Type.SINT64);
        this.address = address;
        types = CallContext.getCallContext(Type.SINT64, longs, CallingConvention.DEFAULT, true);
    }

    /** One of the C library. */
    NativeFunction(String name, int parameters) {
        this(Unix.LIBRARY.getSymbolAddress(name), parameters);
    }

    public long call(long argument) {
        return INVOKER.invokeL1(types, address, argument);
    }

    public long call(long first, long second) {
        return INVOKER.invokeL2(types, address, first, second);
    }

    public long call(long first, long second, long third) {
        return INVOKER.invokeL3(types, address, first, second, third);
    }

    public long call(long first, long second, long third, long fourth) {
        return INVOKER.invokeL4(types, address, first, second, third, fourth);
    }

    public long call(long first, long second, long third, long fourth, long fifth) {
        return INVOKER.invokeL5(types, address, first, second, third, fourth, fifth);
    }

    public long call(long first, long second, long third, long fourth, long fifth, long sixth) {
        return INVOKER.invokeL6(types, address, first, second, third, fourth, fifth, sixth);
    }
}
