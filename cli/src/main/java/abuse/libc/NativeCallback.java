// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import com.kenai.jffi.CallContext;
import com.kenai.jffi.CallingConvention;
import com.kenai.jffi.Closure;
import com.kenai.jffi.ClosureManager;
import com.kenai.jffi.Type;

/** A function void f(void *) that a native library may call in threads of its own. */
public final class NativeCallback implements AutoCloseable {
    private final Closure.Handle handle;

    /** Runs this, which must not throw, at each call. */
    public NativeCallback(Runnable action) {
        var types = CallContext.getCallContext(Type.VOID, new Type[] {Type.POINTER}, CallingConvention.DEFAULT, false);
        handle = ClosureManager.getInstance().newClosure(call -> action.run(), types);
    }

    /** Where it is. */
    public long address() {
        return handle.getAddress();
    }

    /** It must not be called any more. */
    @Override
    public void close() {
        handle.dispose();
    }
}
