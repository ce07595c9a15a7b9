// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.FileErrors;
import abuse.device.Operation;
import abuse.device.Request;
import abuse.device.Result;
import abuse.device.TakenRequest;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Answers a request. */
final class PutCommand extends Command {
    private static final String STREAM = "-";

    private final PositionalParamSpec name = deviceWord();
    private final OptionSpec data = option("--data", "FILE", "Answer a read with the bytes of FILE; - is standard input.");
    private final OptionSpec zero = flag("--zero", "Answer a read with zeros, which is the default.");
    private final OptionSpec out = option("--out", "FILE", "Store the data of a write in FILE; - is standard output."
            + " Without this option it is dropped.");
    private final OptionSpec seek = flag("--seek", "Use FILE as an image of the disk, at the offset of the request.");
    private final OptionSpec failure = option("--fail", "WHAT", "Answer with a failure: 'media' fails this request,"
            + " 'device' all requests.");
    private final OptionSpec wait = optionWithDefault("--wait", "SECONDS", Seconds.FOREVER, GetCommand.WAIT_HELP);
    private final OptionSpec json = flag("-J,--json", "Print JSON, with more details.");

    PutCommand(Context context) {
        super(context, "put", "Shows and answers the next request.",
                "If anything fails before the answer, the request keeps waiting.");
    }

    @Override
    void execute() throws Exception {
        long nanoseconds = Seconds.parse("--wait", wait.getValue());
        Result result = result();
        check();
        try (Device device = open(name.getValue())) {
            TakenRequest taken = TakenRequest.from(device, nanoseconds)
                    .orElseThrow(() -> GetCommand.nothing(device, wait.getValue()));
            Request request = taken.request();
            PrintWriter words = STREAM.equals(out.getValue()) ? context.err : context.out;
            words.print(isSet(json) ? RequestText.json(device.path(), request) : RequestText.lines(request));
            words.flush();
            context.checkOutput();
            if (result == Result.OKAY && request.operation() == Operation.READ && data.getValue() != null) {
                load(data.getValue(), request, taken.data());
            }
            if (result == Result.OKAY && request.operation() == Operation.WRITE && out.getValue() != null) {
                store(out.getValue(), request, taken.data());
            }
            taken.answer(result);
            taken.close();
        }
    }

    private Result result() throws UsageException {
        String what = failure.getValue();
        if (what == null) {
            return Result.OKAY;
        }
        return switch (what) {
            case "media" -> Result.MEDIA_FAILURE;
            case "device" -> Result.DEVICE_FAILURE;
            default -> throw new UsageException("--fail=" + what + " is neither 'media' nor 'device'");
        };
    }

    private void check() throws UsageException {
        boolean hasData = data.getValue() != null;
        boolean hasOut = out.getValue() != null;
        if (hasData && isSet(zero)) {
            throw new UsageException("--data and --zero exclude each other");
        }
        if (failure.getValue() != null && (hasData || hasOut || isSet(zero))) {
            throw new UsageException("--fail is not valid with --data, --zero or --out");
        }
        if (isSet(seek) && (!hasData && !hasOut || STREAM.equals(data.getValue()) || STREAM.equals(out.getValue()))) {
            throw new UsageException("--seek needs --data or --out with a file");
        }
    }

    private void load(String file, Request request, ByteBuffer into) throws IOException, FailedException {
        try (InputStream in = file.equals(STREAM) ? context.in : input(file, request)) {
            byte[] bytes = in.readNBytes(into.remaining());
            if (bytes.length < into.remaining()) {
                throw new FailedException(file + ": " + bytes.length + " bytes, but the request needs "
                        + into.remaining() + "; it was given back");
            }
            into.put(bytes);
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    private InputStream input(String file, Request request) throws IOException {
        FileChannel channel = FileChannel.open(Path.of(file), StandardOpenOption.READ);
        return Channels.newInputStream(isSet(seek) ? channel.position(request.offset()) : channel);
    }

    private void store(String file, Request request, ByteBuffer from) throws FailedException, Output.LostException {
        try {
            if (file.equals(STREAM)) {
                OutputStream bytes = context.bytesOut;
                byte[] copy = new byte[from.remaining()];
                from.get(copy);
                bytes.write(copy);
                bytes.flush();
                return;
            }
            try (FileChannel channel = FileChannel.open(Path.of(file), StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE)) {
                if (isSet(seek)) {
                    channel.position(request.offset());
                } else {
                    channel.truncate(0);
                }
                while (from.hasRemaining()) {
                    channel.write(from);
                }
            }
        } catch (Output.LostException e) {
            throw e;
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    /** Adds the reason, which Java's exceptions about files may tell only by their class. */
    private static FailedException failed(String file, IOException e) {
        return new FailedException(file + ": " + FileErrors.words(e) + "; the request was given back", e);
    }
}
