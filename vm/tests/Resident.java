// SPDX-License-Identifier: Apache-2.0
import abuse.command.Cli;
import abuse.command.Context;
import abuse.device.ControlNode;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.FileReader;
import java.io.FileWriter;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * Runs commands of abusectl that do not wait, one after the other, because starting Java for each would take seconds in
 * the VM. A line of the first FIFO names a file with the streams and the arguments; the exit code goes to the second.
 */
public final class Resident {
    private Resident() {}

    public static void main(String[] fifos) throws IOException {
        while (true) {
            String request;
            try (var requests = new BufferedReader(new FileReader(fifos[0], StandardCharsets.UTF_8))) {
                request = requests.readLine();
            }
            int code = runCommand(Files.readString(Path.of(request)).split("\0"));
            try (Writer answers = new FileWriter(fifos[1], StandardCharsets.UTF_8)) {
                answers.write(code + "\n");
            }
        }
    }

    private static int runCommand(String[] words) {
        try (var in = new FileInputStream(words[0]);
                var out = new FileOutputStream(words[1], true);
                var err = new FileOutputStream(words[2], true)) {
            var context = new Context(in, out, err, Map.of(), ControlNode.ALL, stop -> { }, () -> false);
            return new Cli(context).run(Arrays.copyOfRange(words, 3, words.length));
        } catch (Throwable e) {
            e.printStackTrace();
            return 70;
        }
    }
}
