package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.training.ExitCode;

/**
 * What scripts/package writes, unpacked where nothing else is, on real clusters: a standalone one that scripts/standalone starts, and
 * YARN, to which it gets as it does on EMR and Dataproc, by scripts that a stand-in of the cloud runs.
 */
@Tag("clusters")
@ExtendWith(SparkWorkFolders.class)
class PackageIT {

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private static Path folder;

    private static CloudStandIn cloud;
    private static Path job;
    private static byte[] expected;

    @BeforeAll
    static void makePackageAndTrainOnOneCore() throws Exception {
        cloud = new CloudStandIn(folder);
        String said = cloud.script()
                .succeed(
                        Script.of("package"),
                        "--output",
                        folder.resolve("one.tar.gz").toString());
        assertThat(said)
                .contains("spark-lora.jar", "natives", "sha256 " + cloud.digest(folder.resolve("one.tar.gz"))[1]);
        job = writeJob();
        cloud.script().succeed(command(Script.of("spark-lora"), "one", "--", "--master", "local[1]"));
        expected = adapter("one");
    }

    /** One epoch of the sample data; model and data by paths that hold on every node. */
    private static Path writeJob() throws IOException {
        Path data = Files.writeString(
                folder.resolve("train.csv"), "text,label\n" + "great plot,yes\nbad end,no\n".repeat(12));
        return Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format("""
                model: {path: "%s", max_length: 16}
                data: {train: {path: "%s"}}
                lora:
                  groups: {top: {target_modules: [query, value], layers_to_transform: [11]}}
                schedule: {live: [top]}
                training: {num_train_epochs: 2, batch_size: 8, shards: 2, learning_rate: 0.005}
                """, TrainingJob.TINY_MODEL.toAbsolutePath().normalize(), data.toUri()));
    }

    private static List<String> command(String program, String output, String... more) {
        List<String> command = new ArrayList<>(List.of(
                program,
                "train",
                "--config",
                job.toString(),
                "--output",
                folder.resolve(output).toUri().toString()));
        command.addAll(List.of(more));
        return command;
    }

    /** The same command line, but that it checks the place for the job. */
    private static List<String> doctor(List<String> train) {
        List<String> doctor = new ArrayList<>(train);
        doctor.set(doctor.indexOf("train"), "doctor");
        return doctor;
    }

    private static byte[] adapter(String output) throws IOException {
        return Files.readAllBytes(folder.resolve(output).resolve("adapter/adapter_model.safetensors"));
    }

    private static Path unpack(String name) throws Exception {
        Path place = Files.createDirectory(folder.resolve(name));
        cloud.script().succeed("tar", "--extract", "--gzip", "--file", "one.tar.gz", "--directory", place.toString());
        try (Stream<Path> inside = Files.list(place)) {
            return inside.findFirst().orElseThrow();
        }
    }

    /** Settings that make what is meant for a real node fit in here. */
    private static List<String> small() {
        String java = System.getProperty("java.home");
        List<String> small = new ArrayList<>();
        for (String setting : List.of(
                "spark.executor.instances=2",
                "spark.executor.cores=1",
                "spark.cores.max=2",
                "spark.executor.memory=512m",
                "spark.executor.memoryOverhead=512m",
                "spark.driver.memory=512m",
                "spark.driver.memoryOverhead=512m",
                "spark.sql.shuffle.partitions=2",
                "spark.ui.enabled=false",
                "spark.executorEnv.DJL_CACHE_DIR=" + cache(),
                "spark.yarn.appMasterEnv.DJL_CACHE_DIR=" + cache(),
                "spark.executorEnv.JAVA_HOME=" + java,
                "spark.yarn.appMasterEnv.JAVA_HOME=" + java,
                "spark.yarn.jars=local:" + ClusterRun.SPARK.resolve("jars") + "/*",
                "spark.yarn.stagingDir=" + folder.resolve("staging").toUri(),
                "spark.executor.extraJavaOptions=" + ClusterRun.FAST_START)) {
            small.addAll(List.of("--conf", setting));
        }
        return small;
    }

    /** Where this machine's natives have been unpacked already. */
    private static Path cache() {
        return Path.of(System.getProperty("user.home"), ".djl.ai");
    }

    @Test
    void equalContentsMakeAnEqualFileAndOneIsWhole() throws Exception {
        cloud.script()
                .succeed(
                        Script.of("package"),
                        "--output",
                        folder.resolve("two.tar.gz").toString());
        assertThat(Files.mismatch(folder.resolve("one.tar.gz"), folder.resolve("two.tar.gz")))
                .isEqualTo(-1);
        Path unpacked = unpack("whole");
        cloud.script().succeed("bash", "-c", "cd '" + unpacked + "' && sha256sum --quiet --check SHA256SUMS");
        assertThat(Files.readString(unpacked.resolve("conf/quickstart.yaml"))).contains("path: ../sample/train.csv");
        assertThat(unpacked.resolve("sample/train.csv")).exists();
        assertThat(unpacked.resolve("conf/starter-bert-12l/model.safetensors")).exists();
    }

    @Test
    void theUnpackedPackageTrainsOnAStandaloneCluster() throws Exception {
        Path unpacked = unpack("standalone-user");
        String dir = folder.resolve("standalone").toString();
        Script script = new Script(folder);
        try {
            String master =
                    script.succeed(Script.of("standalone"), "start", "--port", "0", "--memory", "1g", "--dir", dir);
            assertThat(master).startsWith("spark://127.0.0.1:");
            TrainingJob.Ended again = script.run(Script.of("standalone"), "start", "--dir", dir);
            assertThat(again.code()).isEqualTo(ExitCode.USAGE.code());
            assertThat(again.err()).contains("is already running");
            assertThat(script.succeed(Script.of("standalone"), "status", "--dir", dir))
                    .contains(master + ", 3 processes, 0 of them ended");

            List<String> submit = command(unpacked.resolve("submit").toString(), "on-standalone", "--");
            submit.addAll(1, List.of("--settings", "standalone"));
            submit.addAll(List.of("--master", master));
            submit.addAll(small());
            assertThat(script.succeed(doctor(submit)).lines())
                    .contains("ok       master " + master, "ok       data: 24 training rows, 0 validation rows")
                    .anyMatch(line -> line.matches("ok .*\\b2 executors\\b.*\\b1 host\\b.*"))
                    .anyMatch(line -> line.matches("ok .*\\bJava\\b.*\\bSpark\\b.*\\bScala\\b.*"))
                    .anyMatch(line -> line.matches("ok .*\\b2 task slots\\b.*\\btraining.shards 2\\b.*"))
                    .anyMatch(line -> line.matches("ok .*\\bPyTorch \\S+ .*\\bexecutors\\b.*"))
                    .anyMatch(line -> line.matches("ok .*\\bbase model .*\\bexecutors\\b.*"))
                    .anyMatch(line -> line.matches("ok .*\\bclocks\\b.* s on 1 host.*"))
                    .noneMatch(line -> line.startsWith("problem"));
            script.succeed(submit);
            assertThat(adapter("on-standalone")).isEqualTo(expected);
        } finally {
            assertThat(script.succeed(Script.of("standalone"), "stop", "--dir", dir))
                    .isEqualTo("standalone: stopped");
        }
        assertThat(ProcessHandle.allProcesses()
                        .filter(p -> p.info().commandLine().orElse("").contains("-Dspark.lora.standalone=" + dir)))
                .isEmpty();
        assertThat(script.run(Script.of("standalone"), "status", "--dir", dir).code())
                .isEqualTo(1);
    }

    /** The laid-out Spark reads settings files as spark-submit does. */
    @Test
    void aLocalRunTakesTheStandaloneSettingsAsAPropertiesFile() throws Exception {
        new Script(folder)
                .succeed(command(
                        Script.of("spark-lora"),
                        "with-file",
                        "--",
                        "--master",
                        "local[2]",
                        "--properties-file",
                        TrainingJob.ROOT
                                .resolve("conf/spark-standalone.conf")
                                .toAbsolutePath()
                                .toString()));
        assertThat(adapter("with-file")).isEqualTo(expected);
    }

    /** No executor is there before a task waits, and none stays for a barrier stage. */
    @Test
    void doctorAsksExecutorsThatComeAndGo() throws Exception {
        String said = new Script(folder)
                .succeed(
                        Script.of("spark-lora"),
                        "doctor",
                        "--",
                        "--master",
                        "local-cluster[2,1,1536]",
                        "--conf",
                        "spark.dynamicAllocation.enabled=true",
                        "--conf",
                        "spark.dynamicAllocation.shuffleTracking.enabled=true",
                        "--conf",
                        "spark.ui.enabled=false");
        assertThat(said.lines())
                .anyMatch(line -> line.matches("ok .*\\b[12] executors?\\b.*\\b1 host\\b.*"))
                .anyMatch(line -> line.startsWith("warning  exchange driver: dynamic allocation"))
                .noneMatch(line -> line.startsWith("problem"));
    }

    @Test
    void emrAndDataprocGetItToYarn() throws Exception {
        Path configuration = Files.createDirectory(folder.resolve("yarn"));
        YarnCluster yarn = new YarnCluster("package-it", configuration);
        try {
            cloud.script()
                    .with("HADOOP_CONF_DIR", configuration.toString())
                    .with("YARN_CONF_DIR", configuration.toString());
            onEmr();
            onDataproc();
        } finally {
            yarn.close();
        }
    }

    /** From the package to a step's end: every command is one that our scripts handed to the cloud. */
    private static void onEmr() throws Exception {
        cloud.script()
                .succeed(CloudStandIn.command(
                        "emr/create-cluster",
                        "--bucket",
                        "s3://ours",
                        "--package",
                        folder.resolve("one.tar.gz").toString()));
        String create = cloud.calls().get(cloud.calls().size() - 1);
        Path node = folder.resolve("emr-node/spark-lora");
        List<String> action = new ArrayList<>(List.of(
                "bash",
                cloud.stored(create.replaceFirst(".*,Path=([^,]+),.*", "$1")).toString()));
        action.addAll(List.of(create.replaceFirst(".*Args=\\[([^]]+)].*", "$1").split(",")));
        cloud.script().with("SPARK_LORA_HOME", node.toString()).succeed(action);

        List<String> submit = CloudStandIn.command("emr/submit", "--cluster-id", "j-1", "--bucket", "s3://ours", "--");
        submit.addAll(command("", "on-emr", "--").stream().skip(1).toList());
        submit.addAll(small());
        cloud.script().succeed(submit);
        JsonNode step =
                JSON.readTree(Files.readString(cloud.stored("steps.json"))).get(0);
        List<String> run = new ArrayList<>();
        step.get("Args").forEach(argument -> run.add(argument.asText().replace("/opt/spark-lora", node.toString())));
        TrainingJob.Ended ended = cloud.script().run(run);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err()).contains("exchange peer: ");
        assertThat(cloud.calls()).anyMatch(call -> call.startsWith("hadoop fs -get s3://ours/jobs/"));
        assertThat(adapter("on-emr")).isEqualTo(expected);

        // What the containers were made to fit in here would not do on a node that enforces it.
        TrainingJob.Ended doctor = cloud.script().run(doctor(run));
        assertThat(doctor.out().lines())
                .contains("ok       master yarn")
                .anyMatch(line -> line.matches("ok .*\\b2 executors\\b.*\\b1 host\\b.*"))
                .anyMatch(line -> line.matches("ok .*\\bauthenticate\\b.*\\bencrypt\\b.*"))
                .anyMatch(line -> line.startsWith("warning  output ") && line.contains("holds a run"))
                .anyMatch(line ->
                        line.startsWith("problem  536.9 MB ") && line.contains("spark.executor.memoryOverhead=1g"))
                .filteredOn(line -> line.startsWith("problem"))
                .hasSize(1);
        assertThat(doctor.code()).isEqualTo(ExitCode.USAGE.code());
    }

    /** Dataproc's agent is left out: it makes such a spark-submit of a job. */
    private static void onDataproc() throws Exception {
        cloud.script()
                .succeed(CloudStandIn.command(
                        "dataproc/create-cluster",
                        "--bucket",
                        "gs://ours",
                        "--region",
                        "r",
                        "--package",
                        folder.resolve("one.tar.gz").toString()));
        Path node = folder.resolve("dataproc-node/spark-lora");
        Path java = Path.of(System.getProperty("java.home"));
        String init = cloud.stored("gs://ours/" + cloud.digest(folder.resolve("one.tar.gz"))[0] + "/init")
                .toString();
        cloud.script()
                .with("SPARK_LORA_HOME", node.toString())
                .with("SPARK_LORA_JAVA_HOMES", java.resolveSibling("").toString())
                .succeed("bash", init);

        List<String> submit = CloudStandIn.command("dataproc/submit", "--cluster", "ours", "--region", "r", "--");
        submit.addAll(command("", "on-dataproc", "--").stream().skip(1).toList());
        submit.addAll(small());
        // Not this machine's Java, but the one that the node has linked.
        submit.addAll(List.of("--conf", "spark.executorEnv.JAVA_HOME=/opt/spark-lora/java"));
        submit.addAll(List.of("--conf", "spark.yarn.appMasterEnv.JAVA_HOME=/opt/spark-lora/java"));
        cloud.script().succeed(submit);
        List<String> lines = Files.readAllLines(cloud.stored("job")).stream()
                .map(line -> line.replace("/opt/spark-lora", node.toString()))
                .toList();
        String jars = lines.get(1).substring("--jars=".length());
        List<String> run = new ArrayList<>(List.of(
                "env",
                "spark-submit",
                "--class",
                lines.get(0).substring("--class=".length()),
                "--jars",
                jars,
                lines.get(2)));
        for (String property :
                lines.get(3).substring("--properties=^;^".length()).split(";")) {
            run.addAll(List.of("--conf", property));
        }
        run.add(jars.split(",")[0]);
        run.addAll(lines.subList(4, lines.size()));
        TrainingJob.Ended ended = cloud.script().run(run);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(TrainingJob.status(folder.resolve("on-dataproc"))
                        .get("state")
                        .asText())
                .isEqualTo("finished");
        assertThat(adapter("on-dataproc")).isEqualTo(expected);
    }
}
