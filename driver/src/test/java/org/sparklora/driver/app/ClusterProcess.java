package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A command in processes of its own, the driver and its executors, through {@code scripts/spark-lora} and the jar that the
 * build made. What it writes goes to a file.
 */
final class ClusterProcess implements AutoCloseable {

    /** What a process that kill -9 ended leaves: 128 + 9. */
    static final int KILLED = 137;

    private static final int MINUTES = 10;

    private final Process driver;
    private final Path log;
    private volatile List<ProcessHandle> orphans = List.of();

    private ClusterProcess(Process driver, Path log) {
        this.driver = driver;
        this.log = log;
    }

    /**
     * Starts a command.
     *
     * @param arguments the command and its arguments
     * @param options of spark-submit
     */
    static ClusterProcess start(Path log, List<String> arguments, String... options) throws IOException {
        // A shell's background jobs ignore Ctrl-C, and so does what they start, unless told otherwise.
        List<String> line = new ArrayList<>(List.of("env", "--default-signal=INT"));
        line.add(TrainingJob.ROOT.resolve("scripts/spark-lora").toString());
        line.addAll(arguments);
        line.addAll(List.of("--", "--conf", "spark.ui.enabled=false", "--conf", "spark.sql.shuffle.partitions=4"));
        line.addAll(List.of(options));
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment().remove("SPARK_HOME");
        builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
        builder.redirectErrorStream(true).redirectOutput(log.toFile());
        return new ClusterProcess(builder.start(), log);
    }

    /** Starts a command on so many executors of one core, which are watched. */
    static ClusterProcess onExecutors(
            int executors, StepWatch watch, Path log, List<String> arguments, String... options) throws IOException {
        List<String> all = new ArrayList<>(List.of(
                "--master",
                "local-cluster[" + executors + ",1,1536]",
                "--conf",
                "spark.executor.extraJavaOptions=" + watch.javaOptions(),
                "--driver-java-options",
                "-XX:TieredStopAtLevel=1"));
        all.addAll(List.of(options));
        return start(log, arguments, all.toArray(String[]::new));
    }

    /** kill -9 of any process. */
    static void kill(ProcessHandle process) {
        assertThat(process.destroyForcibly()).as("kill -9 of %s", process).isTrue();
    }

    /** kill -9 of the driver; its executors are left to find out. */
    void killDriver() {
        orphans = driver.descendants().toList();
        kill(driver.toHandle());
    }

    /** Sends a signal, by its name in {@code kill}. */
    static void signal(ProcessHandle process, String name) throws IOException, InterruptedException {
        Process kill = new ProcessBuilder("bash", "-c", "kill -" + name + " " + process.pid()).start();
        assertThat(kill.waitFor(1, TimeUnit.MINUTES)).isTrue();
        assertThat(kill.exitValue()).isZero();
    }

    /** The driver's exit code, when it and what executors it left behind have ended. */
    int await() throws Exception {
        assertThat(driver.waitFor(MINUTES, TimeUnit.MINUTES))
                .as("ends within %d minutes; its output so far: %s", MINUTES, output())
                .isTrue();
        for (ProcessHandle orphan : orphans) {
            orphan.onExit().get(1, TimeUnit.MINUTES);
        }
        return driver.exitValue();
    }

    /** Everything that it wrote, on stdout and stderr. */
    String output() throws IOException {
        return Files.readString(log);
    }

    /** Ends whatever is left, after a test that failed. */
    @Override
    public void close() {
        driver.descendants().forEach(ProcessHandle::destroyForcibly);
        driver.destroyForcibly();
        orphans.forEach(ProcessHandle::destroyForcibly);
    }
}
