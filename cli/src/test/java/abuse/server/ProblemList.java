// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.device.Status;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Keeps the problems that it is told of. */
class ProblemList implements Server.Listener {
    final List<String> problems = Collections.synchronizedList(new ArrayList<>());

    @Override
    public void waiting() {}

    @Override
    public void ready(Status status) {}

    @Override
    public void problem(String message) {
        problems.add(message);
    }
}
