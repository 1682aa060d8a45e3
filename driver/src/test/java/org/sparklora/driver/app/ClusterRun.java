package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A small job, run as a user runs it: each run is a process of {@code scripts/spark-lora} with the Spark and the jar that
 * the build made. The second half of the epochs has a group more. Closing ends what still runs.
 */
final class ClusterRun implements AutoCloseable {

    /** After which a run is ended, and so has failed. */
    private static final int MINUTES = 8;

    /** Short runs are done before Java's second compiler pays; on two cores this halves their time. */
    static final String FAST_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

    /** The Spark that the build laid out. */
    static final Path SPARK = TrainingJob.ROOT.resolve("driver/target/spark").toAbsolutePath();

    private final Path folder;
    private final Path job;
    private final Map<String, String> environment = new TreeMap<>(Map.of("SPARK_LOCAL_IP", "127.0.0.1"));
    private final List<Process> started = new ArrayList<>();

    /** Writes job and data to a folder. */
    ClusterRun(Path folder, int epochs) throws IOException {
        this.folder = folder;
        Path data = Files.writeString(folder.resolve("train.csv"), rows());
        this.job = Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format("""
                model: {path: "%s", max_length: 32}
                data: {train: {path: "%s"}, validation: {fraction: 0.2}}
                lora:
                  r: 4
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [11]}
                    bottom: {target_modules: [query, value], layers_to_transform: [0]}
                schedule: {live: [top], events: [{epoch: %d, thaw: [bottom]}]}
                training: {num_train_epochs: %d, batch_size: 8, shards: 4, learning_rate: 0.005}
                """, TrainingJob.TINY_MODEL.toAbsolutePath().normalize(), data, epochs / 2, epochs));
    }

    private static String rows() {
        Random random = new Random(3);
        StringBuilder rows = new StringBuilder("text,label\n");
        for (int i = 0; i < 120; i++) {
            boolean yes = random.nextBoolean();
            rows.append(yes ? "love the plot " : "hate the end ").append(yes ? "great" : "bad");
            rows.append(" tok").append(random.nextInt(80)).append(yes ? ",yes\n" : ",no\n");
        }
        return rows.toString();
    }

    /** Sets a variable in the environment of the runs that follow. */
    void environment(String variable, String value) {
        environment.put(variable, value);
    }

    /** Starts a run under a master, with further options of spark-submit. */
    Process start(String name, String exchange, String master, String... options) throws IOException {
        return start(name, List.of("--set", "execution.exchange=" + exchange), master, options);
    }

    /** Starts a run with further arguments of {@code train}. */
    Process start(String name, List<String> arguments, String master, String... options) throws IOException {
        return start(name, output(name).toString(), arguments, master, options);
    }

    /** Starts a run into a directory on any file system. */
    Process start(String name, String output, List<String> arguments, String master, String... options)
            throws IOException {
        List<String> train = new ArrayList<>(List.of("train", "--config", job.toString(), "--output", output));
        train.addAll(arguments);
        return startCommand(name, train, master, options);
    }

    /** Starts any command; what it prints is kept under the name. */
    Process startCommand(String name, List<String> arguments, String master, String... options) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(TrainingJob.ROOT.resolve("scripts/spark-lora").toString());
        command.addAll(arguments);
        command.addAll(List.of(
                "--",
                "--master",
                master,
                "--driver-java-options",
                FAST_START,
                "--conf",
                "spark.executor.extraJavaOptions=" + FAST_START,
                "--conf",
                "spark.ui.enabled=false",
                // Spark's 200 are for data that a cluster is for; here they would be most of the time.
                "--conf",
                "spark.sql.shuffle.partitions=4",
                "--conf",
                "spark.eventLog.enabled=true",
                "--conf",
                "spark.eventLog.dir=" + Files.createDirectory(eventLog(name)).toUri()));
        command.addAll(Arrays.asList(options));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().keySet().removeAll(List.of("SPARK_HOME", "HADOOP_CONF_DIR", "YARN_CONF_DIR"));
        builder.environment().putAll(environment);
        Process process = builder.redirectOutput(stdout(name).toFile()).start();
        started.add(process);
        // Ended so, it closes its stderr, at whose end a reader waits.
        process.onExit().orTimeout(MINUTES, TimeUnit.MINUTES).exceptionally(late -> process.destroyForcibly());
        return process;
    }

    /** Waits for the end of a run; each line of its stderr is shown as it comes. */
    TrainingJob.Ended end(String name, Process process, Consumer<String> seen) throws Exception {
        List<String> lines = new ArrayList<>();
        try (BufferedReader err = process.errorReader()) {
            for (String line = err.readLine(); line != null; line = err.readLine()) {
                lines.add(line);
                seen.accept(line);
            }
        }
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        return new TrainingJob.Ended(process.exitValue(), Files.readString(stdout(name)), String.join("\n", lines));
    }

    /** A run from start to end, which succeeds. */
    TrainingJob.Ended run(String name, String exchange, String master, String... options) throws Exception {
        TrainingJob.Ended ended = end(name, start(name, exchange, master, options), line -> {});
        assertThat(ended.code()).as(ended.err()).isZero();
        return ended;
    }

    /** Predicts the training rows with a run's adapter, and returns the lines in their order. */
    List<String> predict(String run, String name, String master) throws Exception {
        List<String> predict = List.of(
                "predict",
                "--run",
                output(run).toString(),
                "--input",
                folder.resolve("train.csv").toString(),
                "--output",
                output(name).toString());
        TrainingJob.Ended ended = end(name, startCommand(name, predict, master), line -> {});
        assertThat(ended.code()).as(ended.err()).isZero();
        List<String> lines = new ArrayList<>();
        for (Path part : TrainingJob.parts(output(name))) {
            lines.addAll(Files.readAllLines(part));
        }
        return lines;
    }

    Path output(String name) {
        return folder.resolve(name);
    }

    byte[] adapter(String name) throws IOException {
        return Files.readAllBytes(output(name).resolve("adapter/adapter_model.safetensors"));
    }

    /** What Spark recorded of a run: its settings, jobs, tasks and executors, as lines of JSON. */
    String events(String name) throws IOException {
        StringBuilder events = new StringBuilder();
        try (Stream<Path> applications = Files.list(eventLog(name))) {
            for (Path application : applications.toList()) {
                events.append(Files.readString(application));
            }
        }
        return events.toString();
    }

    private Path eventLog(String name) {
        return folder.resolve(name + ".events");
    }

    private Path stdout(String name) {
        return folder.resolve(name + ".out");
    }

    @Override
    public void close() {
        started.forEach(Process::destroyForcibly);
    }
}
