package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.jar.JarOutputStream;
import java.util.zip.ZipEntry;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.SparkPlugin;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.training.ExitCode;

/** Settings that a person's Spark has. None changes a bit: the runs with and without it have the same adapter and predictions. */
class SessionSettingsTest {

    private static final String OWN = "org.sparklora.driver.app.SessionSettingsTest$OwnPlugin";
    private static final String KRYO = "spark.serializer=org.apache.spark.serializer.KryoSerializer";

    @TempDir
    private static Path shared;

    private static Path job;
    private static Path rows;
    private static List<List<String>> plain = List.of();

    @TempDir
    private Path folder;

    private Properties before = new Properties();

    /** A plugin of the user's own. */
    public static final class OwnPlugin implements SparkPlugin {

        static final AtomicInteger LOADED = new AtomicInteger();

        @Override
        public @Nullable DriverPlugin driverPlugin() {
            LOADED.incrementAndGet();
            return null;
        }

        @Override
        public @Nullable ExecutorPlugin executorPlugin() {
            return null;
        }
    }

    @BeforeAll
    static void runWithoutSettings() throws IOException {
        rows = Files.writeString(
                shared.resolve("rows.csv"),
                "text,label,weight\n"
                        + "great plot,yes,1\nbad end,no,0.5\nlove the movie,yes,2\nhate it,no,1\n".repeat(4));
        job = Files.writeString(
                shared.resolve("job.yaml"),
                TrainingJob.format("""
                model: {path: "%s", max_length: 16}
                data: {train: {path: "%s", weight: weight}, validation: {fraction: 0.25}}
                lora:
                  r: 2
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [1]}
                    bottom: {target_modules: [query], layers_to_transform: [0]}
                schedule: {live: [top], events: [{epoch: 1, thaw: [bottom]}]}
                training: {num_train_epochs: 2, batch_size: 4, shards: 2, learning_rate: 0.01, class_weights: balanced}
                """, TrainingJob.TINY_MODEL.resolveSibling("tiny-bert-2l-reg"), rows));
        plain = results("local[2]", shared.resolve("plain"));
    }

    @BeforeEach
    void keepProperties() {
        before = (Properties) System.getProperties().clone();
    }

    @AfterEach
    void restoreProperties() {
        System.setProperties(before);
    }

    /** Trains and predicts; gives the adapter's digest and the predicted lines. */
    private static List<List<String>> results(String master, Path output, String... overrides) throws IOException {
        TrainingJob.Ended trained = TrainingJob.train(master, job, output, overrides);
        assertThat(trained.code()).as(trained.err()).isZero();
        Path predictions = output.resolveSibling(output.getFileName() + "-predicted");
        TrainingJob.Ended predicted = TrainingJob.run(
                master,
                "predict",
                "--run",
                output.toString(),
                "--input",
                rows.toString(),
                "--output",
                predictions.toString());
        assertThat(predicted.code()).as(predicted.err()).isZero();
        List<String> lines = new ArrayList<>();
        for (Path part : TrainingJob.parts(predictions)) {
            Files.readAllLines(part).stream()
                    .filter(line -> !line.startsWith("text,"))
                    .forEach(lines::add);
        }
        assertThat(lines).hasSize(16);
        return List.of(
                List.of(TrainingJob.status(output).get("adapter_sha256").asText()),
                lines,
                TrainingJob.events(output, "epoch_end").stream()
                        .map(e -> e.get("validation").toString())
                        .toList());
    }

    /** Sets settings as spark-submit passes them on: separated by blanks, perhaps a master first. Returns the master. */
    private String set(String settings) throws IOException {
        Arrays.stream(settings.split(" "))
                .map(setting -> setting.split("=", 2))
                .forEach(setting -> System.setProperty(setting[0], setting[1].replace("FOLDER", folder.toString())));
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(folder.resolve("own.jar")))) {
            jar.putNextEntry(new ZipEntry("own.txt"));
        }
        return System.getProperty("spark.master", "local[2]");
    }

    private void changesNoBit(String settings) throws IOException {
        String master = set(settings);
        int loaded = OwnPlugin.LOADED.get();
        assertThat(results(master, folder.resolve("run"))).as(settings).isEqualTo(plain);
        assertThat(OwnPlugin.LOADED.get() - loaded).isEqualTo(settings.contains(OWN) ? 2 : 0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                KRYO + " spark.kryo.registrationRequired=true",
                "spark.sql.ansi.enabled=true spark.sql.caseSensitive=true spark.sql.session.timeZone=Asia/Kathmandu",
                "spark.master=local[1] spark.plugins=" + OWN + " spark.io.encryption.enabled=true"
                        + " spark.scheduler.mode=FAIR spark.scheduler.pool=own",
            })
    void aSettingChangesNoBit(String settings) throws IOException {
        changesNoBit(settings);
    }

    @Test
    void doctorSurveysExecutorsWithKryo() throws IOException {
        String master = set(KRYO + " spark.kryo.registrationRequired=true");
        TrainingJob.Ended ended = TrainingJob.run(master, "doctor", "--config", job.toString());
        assertThat(ended.code()).as(ended.out() + ended.err()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "spark.driver.maxResultSize=16k, spark.driver.maxResultSize",
        "spark.master=local[1] spark.task.cpus=2, spark.task.cpus",
        "spark.remote=sc://localhost, asks for Spark Connect",
        "spark.api.mode=connect, submit to the cluster itself with --master",
    })
    void aSettingThatLeavesNoRoomIsNamed(String settings, String name) throws IOException {
        TrainingJob.Ended ended = TrainingJob.train(set(settings), job, folder.resolve("run"), "lora.r=16");
        assertThat(SmallJob.error(ended)).contains(name, "[settings.").doesNotContain("\n");
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(ended.err()).doesNotContain("attempt");
    }

    @ParameterizedTest
    @Tag("nightly")
    @ValueSource(
            strings = {
                KRYO,
                KRYO + " spark.kryo.referenceTracking=false spark.kryo.unsafe=true",
                "spark.plugins=" + OWN,
                "spark.jars=FOLDER/own.jar",
                "spark.driver.extraClassPath=FOLDER/own.jar",
                "spark.speculation=true spark.speculation.interval=1ms spark.speculation.minTaskRuntime=0ms",
                "spark.dynamicAllocation.enabled=true spark.dynamicAllocation.shuffleTracking.enabled=true",
                "spark.shuffle.service.enabled=true",
                "spark.scheduler.mode=FAIR spark.scheduler.pool=own",
                "spark.sql.caseSensitive=true",
                "spark.sql.ansi.enabled=true",
                "spark.sql.session.timeZone=Asia/Kathmandu",
                "spark.io.encryption.enabled=true",
                "spark.master=local[1]",
                "spark.task.cpus=2",
                "spark.sql.shuffle.partitions=1",
                "spark.rdd.compress=true spark.shuffle.compress=false spark.broadcast.compress=false",
                "spark.io.compression.codec=zstd",
                "spark.default.parallelism=7",
                "spark.driver.maxResultSize=1m",
                "spark.memory.offHeap.enabled=true spark.memory.offHeap.size=64m",
                "spark.sql.adaptive.enabled=false",
                "spark.sql.sources.useV1SourceList=none",
                "spark.sql.datetime.java8API.enabled=true",
                "spark.sql.files.maxRecordsPerFile=3",
                "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version=2",
                "spark.task.maxFailures=1",
                "spark.locality.wait=0 spark.cleaner.referenceTracking=false",
            })
    void noSettingOfTheTableChangesABit(String settings) throws IOException {
        changesNoBit(settings);
    }
}
