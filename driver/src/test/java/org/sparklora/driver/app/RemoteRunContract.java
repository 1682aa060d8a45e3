package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.cluster.HadoopRunDirectory;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunDirectoryContract;

/**
 * What holds on every real file system, with a real server: a run whose base model, data, run directory and predictions are
 * all on it gives the bytes of a local run. Its server is away for a while, and its driver is killed and resumed.
 */
@ExtendWith(SparkWorkFolders.class)
abstract class RemoteRunContract {

    private static final String MASTER = "local-cluster[2,1,1536]";

    /** Commands that need no executors. */
    private static final String DRIVER_ONLY = "local[1]";

    /** Also logs the calls that the clients of HDFS and S3 repeat. */
    private static final Path LOG_OF_RETRIES = TrainingJob.ROOT
            .resolve("driver/src/test/resources/remote/log4j2.properties")
            .toAbsolutePath();

    @TempDir
    static Path folder;

    /** The file system as this test sees it. */
    abstract FileSystem files() throws IOException;

    /** A folder on it. */
    abstract org.apache.hadoop.fs.Path root();

    /** Options of spark-submit with which a run reaches it. */
    abstract List<String> options();

    /** Ends the server; what it has stored stays. */
    abstract void stopServer();

    /** Starts the server again at the same address. */
    abstract void startServer();

    /** Part of the line that the client logs when no server answers, before it tries again. */
    abstract String unanswered();

    @Test
    void aRunThatLosesTheServerAndItsDriverHasTheBytesOfALocalRun() throws Exception {
        try (ClusterRun runs = new ClusterRun(folder, 4)) {
            runs.run("local", "driver", "local[1]");
            copyTo(TrainingJob.TINY_MODEL, "model");
            copyTo(folder.resolve("train.csv"), "train.csv");
            killDriverAfterAnOutage(runs);
            assertThat(TrainingJob.status(fetched("run", "killed")).get("state").asText())
                    .isEqualTo("running");
            TrainingJob.Ended resumed = runs.end("resumed", train(runs, "resumed", "--resume"), line -> {});
            assertThat(resumed.code()).as(resumed.err()).isZero();
            assertThat(resumed.err()).contains("checkpoints/epoch-");

            Path run = fetched("run", "run");
            assertThat(run.resolve("adapter/adapter_model.safetensors")).hasBinaryContent(runs.adapter("local"));
            assertThat(steps(run)).isEqualTo(steps(runs.output("local")));
            try (Stream<Path> copies = Files.list(folder.resolve("copies"))) {
                assertThat(copies.filter(Files::isDirectory))
                        .as("copies of the base model for the driver and all executors of this host")
                        .hasSize(1);
            }
            TrainingJob.Ended verified =
                    command(runs, "verified", "verify", runs.output("local").toString(), at("run"));
            assertThat(verified.out()).startsWith("same: " + steps(run).size() + " steps, adapter sha256 ");
            command(runs, "predict", "predict", "--run", at("run"), "--input", at("train.csv"), "--output", at("new"));
            assertThat(lines(fetched("new", "new")))
                    .isEqualTo(runs.predict("local", "predicted by the local run", "local[1]"));
        }
    }

    /** The server stops in epoch 1, and is back once the run has asked for it in vain. The driver dies in epoch 3, the last. */
    private void killDriverAfterAnOutage(ClusterRun runs) throws Exception {
        Process driver = train(runs, "killed");
        AtomicInteger outages = new AtomicInteger();
        TrainingJob.Ended killed = runs.end("killed", driver, line -> {
            if (line.startsWith("epoch 1/4 starts")) {
                stopServer();
            } else if (line.contains(unanswered()) && outages.getAndIncrement() == 0) {
                startServer();
            } else if (line.startsWith("epoch 3/4 starts")) {
                ClusterProcess.kill(driver.toHandle());
            }
        });
        if (outages.get() == 0) {
            startServer();
        }
        assertThat(killed.code()).as(killed.err()).isEqualTo(ClusterProcess.KILLED);
        assertThat(outages).hasPositiveValue();
    }

    private Process train(ClusterRun runs, String name, String... arguments) throws IOException {
        List<String> all = new ArrayList<>(
                List.of("--set", "model.path=" + at("model"), "--set", "data.train.path=" + at("train.csv")));
        all.addAll(List.of(arguments));
        return runs.start(name, at("run"), all, MASTER, submitOptions());
    }

    private TrainingJob.Ended command(ClusterRun runs, String name, String... command) throws Exception {
        Process process = runs.startCommand(name, List.of(command), DRIVER_ONLY, submitOptions());
        TrainingJob.Ended ended = runs.end(name, process, line -> {});
        assertThat(ended.code()).as(ended.err()).isZero();
        return ended;
    }

    private String[] submitOptions() {
        Path log = TrainingJob.ROOT.resolve("conf/log4j2.properties").toAbsolutePath();
        List<String> all = new ArrayList<>(List.of(
                "--driver-java-options",
                ClusterRun.FAST_START + " -Dlog4j2.configurationFile=" + log + "," + LOG_OF_RETRIES,
                "--conf",
                "spark.lora.modelDirectory=" + folder.resolve("copies")));
        all.addAll(options());
        return all.toArray(String[]::new);
    }

    private static List<Integer> steps(Path run) {
        List<Integer> steps = new ArrayList<>();
        for (JsonNode step : TrainingJob.events(run, "step")) {
            steps.add(step.get("step").asInt());
        }
        return steps;
    }

    private static List<String> lines(Path output) throws IOException {
        List<String> lines = new ArrayList<>();
        for (Path part : TrainingJob.parts(output)) {
            lines.addAll(Files.readAllLines(part));
        }
        return lines;
    }

    private String at(String name) {
        return new org.apache.hadoop.fs.Path(root(), name).toString();
    }

    private void copyTo(Path local, String name) throws IOException {
        files().copyFromLocalFile(
                        new org.apache.hadoop.fs.Path(local.toAbsolutePath().toUri()),
                        new org.apache.hadoop.fs.Path(root(), name));
    }

    /** A local copy, under another name. */
    private Path fetched(String name, String as) throws IOException {
        Path local = folder.resolve("fetched").resolve(as);
        Files.createDirectories(local.getParent());
        FileSystem from = files();
        assertThat(FileUtil.copy(
                        from, new org.apache.hadoop.fs.Path(root(), name), local.toFile(), false, from.getConf()))
                .isTrue();
        return local;
    }

    /** The single writes of a run. */
    @Nested
    class Directory extends RunDirectoryContract {
        @Override
        protected RunDirectory open(Path local) throws IOException {
            return new HadoopRunDirectory(
                    files(), new org.apache.hadoop.fs.Path(root(), "contract" + local.toAbsolutePath()));
        }
    }
}
