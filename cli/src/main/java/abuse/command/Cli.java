// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Advice;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Runs the command that the words name, and turns a failure into a message and an exit code. */
public final class Cli {
    /** The exit code of a command that failed. */
    static final int FAILED = 1;
    /** The exit code of wrong usage; nothing was changed. */
    static final int USAGE = 2;
    /** The exit code when nobody reads the output any more: the one that a shell has for programs ended by SIGPIPE. */
    static final int UNREAD = 128 + 13;

    private static final List<String> NAMES = List.of("run", "setup", "server", "list", "info", "servers", "requests", "metrics", "top", "trace", "resize",
            "map", "unmap", "maps", "requeue", "quiesce", "resume", "reset", "filter", "mark", "replay", "crashes", "get", "put", "poll");

    private final Context context;

    /** A command line in the given surroundings. */
    public Cli(Context context) {
        this.context = context;
    }

    /** Carries out one command, and returns its exit code: 0 done, 1 failed, 2 usage, 141 nobody reads the output. */
    public int run(String... args) {
        if (args.length > 0 && args[0].equals("help")) {
            return args.length == 1 ? run("--help") : NAMES.contains(args[1]) ? run(args[1], "--help") : run(args[1]);
        }
        for (String word : args) {
            // Java has replaced bytes that are not UTF-8, so that this would name another file
            if (word.indexOf('\uFFFD') >= 0) {
                return usage(null, "'" + word + "' is not UTF-8; a file with such a name needs a link with another name", null);
            }
        }
        CommandLine commandLine = commandLine(args);
        boolean help = Arrays.asList(args).contains("--help") || Arrays.asList(args).contains("-h");
        commandLine.setColorScheme(Help.defaultColorScheme(
                help && context.colour() ? Help.Ansi.ON : Help.Ansi.OFF));
        int exitCode;
        try {
            exitCode = commandLine.execute(args);
        } catch (LinkageError | OutOfMemoryError e) {
            exitCode = fail(e, null);
        }
        try {
            context.flush();
        } catch (Output.LostException e) {
            exitCode = exitCode == 0 ? fail(e, null) : exitCode;
        }
        return exitCode;
    }

    CommandLine commandLine(String... args) {
        CommandSpec root = CommandSpec.create().name("abusectl");
        var exitCodes = new LinkedHashMap<String, String>();
        exitCodes.put("0", "done");
        exitCodes.put("1", "failed");
        exitCodes.put("2", "wrong usage; nothing was changed");
        exitCodes.put("141", "the reader of standard output has gone, as after SIGPIPE");
        root.usageMessage().description("Sets up, shows and serves block devices that programs answer.")
                .synopsisSubcommandLabel("COMMAND").commandListHeading("%nCommands:%n")
                .exitCodeListHeading("%nExit status:%n")
                .exitCodeList(exitCodes)
                .footer("", "DEVICE is " + DeviceName.NEEDED_HELP + "; where it may be left out, most commands take $ABUSECTL_DEVICE,"
                        + " else /dev/abctl0.", "'abusectl help COMMAND' tells more.");
        addStandardOptions(root);
        var commandLine = new CommandLine(root);
        for (String name : named(args)) {
            commandLine.addSubcommand(name, new CommandLine(command(name).spec));
        }
        return commandLine.setOut(context.out).setErr(context.err)
                .setParameterExceptionHandler((e, words) -> refuse(e, words))
                .setExecutionExceptionHandler((e, failed, result) -> fail(e, failed.getCommandName()));
    }

    /** The commands to make models of: each takes time at the start, and mostly only one is needed. */
    private static List<String> named(String... args) {
        String first = args.length == 0 ? "" : args[0];
        return NAMES.contains(first) ? List.of(first) : first.equals("--version") || first.equals("-V") ? List.of() : NAMES;
    }

    private Command command(String name) {
        // Not the commands themselves, of which each would be loaded, so that it is known that it is one
        Function<Context, Command> maker = switch (name) {
            case "run" -> RunCommand::new;
            case "top" -> TopCommand::new;
            case "trace" -> TraceCommand::new;
            case "setup" -> SetupCommand::new;
            case "list" -> ListCommand::new;
            case "info" -> InfoCommand::new;
            case "servers" -> ServersCommand::new;
            case "metrics" -> MetricsCommand::new;
            case "requests" -> RequestsCommand::new;
            case "server" -> ServerCommand::new;
            case "resize" -> ResizeCommand::new;
            case "map" -> MapCommand::new;
            case "unmap" -> UnmapCommand::new;
            case "maps" -> MapsCommand::new;
            case "requeue" -> RequeueCommand::new;
            case "quiesce" -> QuiesceCommand::new;
            case "resume" -> ResumeCommand::new;
            case "reset" -> ResetCommand::new;
            case "filter" -> FilterCommand::new;
            case "mark" -> MarkCommand::new;
            case "replay" -> ReplayCommand::new;
            case "crashes" -> CrashesCommand::new;
            case "get" -> GetCommand::new;
            case "put" -> PutCommand::new;
            case "poll" -> PollCommand::new;
            default -> throw new IllegalArgumentException(name);
        };
        return maker.apply(context);
    }

    static void addStandardOptions(CommandSpec spec) {
        spec.addOption(OptionSpec.builder("-h", "--help").usageHelp(true).description("Show this help.").build());
        spec.addOption(OptionSpec.builder("-V", "--version").versionHelp(true).description("Show the version.").build());
        spec.versionProvider(() -> new String[] {"abusectl " + version()});
    }

    private int refuse(ParameterException e, String... words) {
        CommandSpec spec = e.getCommandLine().getCommandSpec();
        boolean root = spec.parent() == null;
        String message = e.getMessage().lines().findFirst().orElse("");
        if (e instanceof UnmatchedArgumentException unmatched) {
            String word = unmatched.getUnmatched().get(0);
            message = unexpected(word, spec, root) + FilterOption.behindBlank(Arrays.asList(words), word);
        } else if (e.getArgSpec() != null && "".equals(e.getValue())) {
            // A word that may be left out may have been meant as the next one
            message = (e.getArgSpec() instanceof OptionSpec option ? option.longestName()
                    : e.getArgSpec().required() ? e.getArgSpec().paramLabel() : "an argument") + " is empty; if it is from a variable, that is not set";
        } else if (!root && e instanceof MissingParameterException missing && !message.startsWith("Missing required parameter for option")) {
            message = missing(spec, missing.getMissing());
        } else if (root && message.startsWith("Missing required subcommand")) {
            message = "no command given";
        }
        return usage(root ? null : spec.name(), message, null);
    }

    /** What must be given and is not, as in "--base, --check and FILE are missing". */
    private static String missing(CommandSpec spec, List<ArgSpec> told) {
        // Only the first word that is missing is told, and no option with it
        var all = new LinkedHashSet<ArgSpec>(spec.options());
        all.addAll(spec.positionalParameters());
        all.removeIf(arg -> !told.contains(arg) && (!arg.required() || arg.getValue() != null));
        List<String> names = all.stream().map(arg -> arg instanceof OptionSpec option ? option.longestName() : arg.paramLabel()).toList();
        int last = names.size() - 1;
        return last == 0 ? names.get(0) + " is missing"
                : String.join(", ", names.subList(0, last)) + " and " + names.get(last) + " are missing";
    }

    private static String unexpected(String word, CommandSpec spec, boolean root) {
        if (word.matches("-[0-9].*")) {
            return "'" + word + "' must not be negative";
        }
        if (word.startsWith("-")) {
            return "unknown option '" + word + "'" + Similar.to(word, spec.optionsMap().keySet());
        }
        return root ? "unknown command '" + word + "'" + Similar.to(word, NAMES) : "unexpected argument '" + word + "'";
    }

    private int usage(String command, String message, String more) {
        context.complain(command == null ? message : command + ": " + message);
        context.err.println(more != null ? more : moreIn(command));
        return USAGE;
    }

    /** Where more is told: in the help of a command, or of all. */
    static String moreIn(String command) {
        return "Try 'abusectl " + (command == null ? "" : command + " ") + "--help' for more information.";
    }

    private int fail(Throwable e, String command) {
        context.out.flush();
        if (!context.environment.getOrDefault("ABUSECTL_DEBUG", "").isEmpty()) {
            e.printStackTrace(context.err);
        }
        if (e instanceof UsageException wrong) {
            return usage(command, e.getMessage(), wrong.more());
        }
        if (e instanceof Output.LostException lost && lost.isUnread()) {
            return UNREAD;
        }
        context.complain(words(e, context));
        return FAILED;
    }

    /** A failure in one line. */
    static String words(Throwable e, Context context) {
        String words = e instanceof IOException failure ? Advice.words(failure, context.devices)
                : e instanceof FailedException || e instanceof UnsatisfiedLinkError ? e.getMessage()
                : e instanceof OutOfMemoryError && String.valueOf(e.getMessage()).startsWith("Java heap space")
                        ? "Java has too little memory; ABUSECTL_JAVA_OPTS=-Xmx1g, for example, lets it have 1 GiB" : null;
        return words != null ? words : "internal error: " + e + "; ABUSECTL_DEBUG=1 shows where";
    }

    private static String version() {
        try (InputStream in = Cli.class.getResourceAsStream("/abuse/version")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
