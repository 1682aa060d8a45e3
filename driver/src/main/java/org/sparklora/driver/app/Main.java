package org.sparklora.driver.app;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkUserAppException;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.ProductVersion;
import org.sparklora.worker.contract.CodedException;
import org.sparklora.worker.contract.HostException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.UnmatchedArgumentException;

/** The class that {@code spark-submit} starts. Parses the command, runs it and ends the process with its exit code. */
@Command(
        name = "spark-lora",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        resourceBundle = "org.sparklora.driver.app.help",
        subcommands = {
            TrainCommand.class,
            SweepCommand.class,
            PlanCommand.class,
            SizeCommand.class,
            EvaluateCommand.class,
            PredictCommand.class,
            VerifyCommand.class,
            ReplayCommand.class,
            ReportCommand.class,
            MergeCommand.class,
            ExportCommand.class,
            InitJobCommand.class,
            DoctorCommand.class
        })
public final class Main implements Callable<Integer> {

    @Option(names = "--debug", scope = ScopeType.INHERIT)
    private boolean debug;

    private Main() {}

    /** Runs a command and ends the process. */
    public static void main(String[] args) throws SparkUserAppException {
        int code = run(args);
        if (isYarnsApplicationMaster()) {
            // The application master ends the process when this method returns. System.exit would come before it has
            // told
            // YARN how the application ended. YARN counts that as a failure, also with 0, and repeats the whole run.
            if (code != 0) {
                throw new SparkUserAppException(code);
            }
            return;
        }
        // Spark 3.5 leaves a timer thread behind after some jobs, which would keep the process alive.
        System.exit(code);
    }

    /** Whether this process is YARN's application master: {@code --master yarn --deploy-mode cluster}. */
    private static boolean isYarnsApplicationMaster() {
        SparkConf conf = new SparkConf();
        return conf.get("spark.master", "").equals("yarn")
                && conf.get("spark.submit.deployMode", "client").equals("cluster");
    }

    /** Runs a command and returns its exit code. */
    static int run(String... args) {
        Main main = new Main();
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        CommandLine line = new CommandLine(main)
                .setErr(err)
                .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
                .setExecutionExceptionHandler((failure, command, parsed) -> failed(failure, main.debug, err))
                .setParameterExceptionHandler(Main::usage);
        try {
            Stream.of(args).forEach(HostException::requireInLocale);
            return line.execute(args);
        } catch (Error | HostException e) {
            // Picocli passes errors on, such as an OutOfMemoryError.
            return failed(e, main.debug, err);
        }
    }

    private static int failed(Throwable failure, boolean debug, PrintWriter err) {
        err.println("spark-lora: " + ExitCode.message(failure));
        if (debug) {
            failure.printStackTrace(err);
        }
        return ExitCode.of(failure).code();
    }

    @Override
    public Integer call() {
        CommandLine.usage(this, System.err);
        return ExitCode.USAGE.code();
    }

    private static int usage(ParameterException e, String[] args) {
        PrintWriter err = e.getCommandLine().getErr();
        String help = e.getCommandLine().getCommandSpec().qualifiedName() + " --help";
        err.println("spark-lora: "
                + CodedException.withCode(
                        "usage.command-line", reason(e) + "; run '" + help + "' for the commands and options"));
        return ExitCode.USAGE.code();
    }

    private static String reason(ParameterException e) {
        if (!(e instanceof UnmatchedArgumentException unmatched)) {
            return String.valueOf(e.getMessage());
        }
        String argument = unmatched.getUnmatched().get(0);
        boolean takesCommand = !e.getCommandLine().getSubcommands().isEmpty();
        String kind = unmatched.isUnknownOption()
                ? "unknown option"
                : takesCommand ? "unknown command" : "unexpected argument";
        List<String> suggestions = unmatched.getSuggestions();
        return kind + " '" + argument + "'"
                + (suggestions.isEmpty() ? "" : " (did you mean " + String.join(", ", suggestions) + "?)");
    }

    /** The version in the job jar's manifest. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"spark-lora " + ProductVersion.current()};
        }
    }
}
