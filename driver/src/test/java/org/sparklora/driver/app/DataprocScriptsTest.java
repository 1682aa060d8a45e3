package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.training.ExitCode;

/** scripts/dataproc against stand-ins of the gcloud CLI and of a node's metadata. */
class DataprocScriptsTest {

    @TempDir
    private Path folder;

    private CloudStandIn cloud;

    @BeforeEach
    void makeCloud() throws IOException {
        cloud = new CloudStandIn(folder);
    }

    private List<String> create(Path file, String... more) {
        List<String> command = CloudStandIn.command(
                "dataproc/create-cluster",
                "--bucket",
                "gs://ours/lora",
                "--region",
                "europe-west3",
                "--package",
                file.toString());
        command.addAll(Arrays.asList(more));
        return command;
    }

    @Test
    void aClusterIsMadeWithThePackageAndItsInitializationAction() throws Exception {
        Path file = cloud.emptyPackage();
        String[] digest = cloud.digest(file);
        cloud.script().succeed(create(file, "--model", "gs://ours/a", "--model", "gs://ours/b/", "--workers", "4"));
        String at = "gs://ours/lora/" + digest[0];
        assertThat(cloud.calls())
                .containsExactly(
                        "gcloud storage cp " + file + " " + at + "/package.tar.gz",
                        "gcloud storage cp " + Script.of("dataproc/init") + " " + at + "/init",
                        "gcloud dataproc clusters create spark-lora --region=europe-west3 --image-version=2.2-debian12"
                                + " --master-machine-type=n2-standard-4 --worker-machine-type=n2-standard-4"
                                + " --num-workers=4 --max-idle=60m --initialization-actions=" + at + "/init"
                                + " --metadata=spark-lora-package=" + at + "/package.tar.gz,spark-lora-sha256="
                                + digest[1] + ",spark-lora-models=gs://ours/a gs://ours/b");
    }

    /** Makes a cluster and what a node runs then. */
    private List<String> init(String... more) throws Exception {
        Path file = cloud.emptyPackage();
        cloud.script().succeed(create(file, more));
        cloud.script()
                .with("SPARK_LORA_HOME", folder.resolve("node").toString())
                .with(
                        "SPARK_LORA_JAVA_HOMES",
                        Files.createDirectory(folder.resolve("jvm")).toString());
        String at = "gs://ours/lora/" + cloud.digest(file)[0] + "/init";
        return List.of("bash", cloud.stored(at).toString());
    }

    /** A Java that only says its version. */
    private Path java(Path home, String version) throws IOException {
        Path java = Files.createDirectories(home.resolve("bin")).resolve("java");
        Files.writeString(java, "#!/bin/sh\necho 'openjdk version \"" + version + "\" 2026-01-01' >&2\n");
        assertThat(java.toFile().setExecutable(true)).isTrue();
        return home;
    }

    @Test
    void aNodeGetsThePackageTheModelsAndAJava17() throws Exception {
        cloud.storeModel("gs://ours/a");
        cloud.storeModel("gs://ours/b");
        List<String> init = init("--model", "gs://ours/a", "--model", "gs://ours/b");
        java(folder.resolve("jvm/first-11"), "11.0.27");
        Path java17 = java(folder.resolve("jvm/second-17"), "17.0.15");
        Path node = folder.resolve("node");

        assertThat(cloud.script().succeed(init)).isEqualTo("install: spark-lora 9 is in " + node);
        assertThat(node.resolve("models/a/config.json")).exists();
        assertThat(node.resolve("models/b/config.json")).exists();
        assertThat(Files.readSymbolicLink(node.resolve("java"))).isEqualTo(java17);
        assertThat(cloud.calls()).noneMatch(call -> call.startsWith("apt-get"));

        assertThat(cloud.script().succeed(init)).isEqualTo("install: spark-lora 9 is already in " + node);
    }

    @Test
    void aJava17IsInstalledWhereTheImageHasNone() throws Exception {
        List<String> init = init();
        java(folder.resolve("jvm/first-11"), "11.0.27");
        Path brought = java(folder.resolve("brought"), "17.0.15");
        cloud.script().with("STUB_JAVA", brought.toString()).succeed(init);
        assertThat(folder.resolve("node/java").toRealPath()).isEqualTo(brought.toRealPath());
    }

    @Test
    void aNodeWithoutJava17FailsAndSaysSo() throws Exception {
        List<String> init = init();
        TrainingJob.Ended ended = cloud.script().run(init);
        assertThat(ended.code()).isEqualTo(1);
        assertThat(ended.err())
                .startsWith("init: ")
                .contains("Java 17", folder.resolve("jvm").toString(), "openjdk-17-jre-headless")
                .hasLineCount(1);
    }

    @Test
    void aPackageOfAnotherDigestIsNotUnpacked() throws Exception {
        List<String> init = init();
        String uri = "gs://ours/lora/" + cloud.digest(folder.resolve("package.tar.gz"))[0] + "/package.tar.gz";
        Files.writeString(cloud.stored(uri), "half of it");
        TrainingJob.Ended ended = cloud.script().run(init);
        assertThat(ended.code()).isEqualTo(1);
        assertThat(ended.err()).startsWith("init: " + uri + " has the digest ").endsWith("correct the digest");
        assertThat(folder.resolve("node")).doesNotExist();
    }

    @Test
    void aNodeOfAnotherClusterIsLeftAlone() throws Exception {
        List<String> init = init();
        Files.writeString(cloud.stored("metadata"), "something=else\n");
        TrainingJob.Ended ended = cloud.script().run(init);
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(ended.err()).contains("has no spark-lora-package and spark-lora-sha256");
    }

    @Test
    void aJobCarriesItsFileAndTheSettings() throws Exception {
        Path job = Files.writeString(folder.resolve("job.yaml"), "name: one\n");
        cloud.script()
                .succeed(CloudStandIn.command(
                        "dataproc/submit",
                        "--cluster",
                        "ours",
                        "--region",
                        "europe-west3",
                        "--",
                        "train",
                        "--config",
                        job.toString(),
                        "--output",
                        "gs://ours/run",
                        "--",
                        "--conf",
                        "spark.executor.instances=7",
                        "--conf",
                        "spark.jars.packages=a:b:1,c:d:2",
                        "--conf",
                        "spark.jars=gs://ours/own.jar",
                        "--conf",
                        "spark.files=gs://ours/own.txt"));
        List<String> lines = Files.readAllLines(cloud.stored("job"));
        assertThat(lines.subList(0, 3))
                .containsExactly(
                        "--class=org.sparklora.driver.app.Main",
                        "--jars=file:///opt/spark-lora/spark-lora.jar,file:///opt/spark-lora/natives/pytorch-native-cpu.jar,gs://ours/own.jar",
                        "--files=gs://ours/own.txt," + job);
        assertThat(lines.subList(4, lines.size()))
                .containsExactly("train", "--config", "job.yaml", "--output", "gs://ours/run");
        assertThat(lines.get(3)).startsWith("--properties=^;^");
        assertThat(lines.get(3).substring("--properties=^;^".length()).split(";"))
                .contains(
                        "spark.submit.deployMode=cluster",
                        "spark.executor.instances=7",
                        "spark.jars.packages=a:b:1,c:d:2")
                .doesNotContain("spark.executor.instances=2");
    }

    @Test
    void aDryRunCallsNobody() throws Exception {
        Path file = cloud.emptyPackage();
        assertThat(cloud.script().succeed(create(file, "--dry-run")).lines())
                .hasSize(3)
                .allMatch(line -> line.startsWith("gcloud "));
        assertThat(cloud.script()
                        .succeed(CloudStandIn.command(
                                "dataproc/submit",
                                "--cluster",
                                "c",
                                "--region",
                                "r",
                                "--dry-run",
                                "--async",
                                "--",
                                "doctor")))
                .startsWith("gcloud dataproc jobs submit spark --cluster=c --region=r")
                .endsWith("--async -- doctor");
        assertThat(cloud.calls()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            dataproc/create-cluster | --region r                                         | create-cluster: --bucket gs://BUCKET/FOLDER is required
            dataproc/create-cluster | --bucket gs://a                                    | create-cluster: --region is required
            dataproc/create-cluster | --bucket gs://a --region r --image-version 3.0     | create-cluster: --image-version 3.0: the jar is for Spark 3.5, which 2.2 and 2.3 have
            dataproc/create-cluster | --bucket gs://a --region r --workers 1             | create-cluster: --workers must be 2 or more, not 1
            dataproc/create-cluster | --bucket gs://a --region r --idle-minutes 2        | create-cluster: --idle-minutes must be 5 or more, not 2
            dataproc/create-cluster | --bucket gs://a --region r --model s3://a          | create-cluster: --model s3://a is not a gs:// folder; upload the model with gcloud storage rsync first
            dataproc/create-cluster | --bucket gs://a --region r --package none.tar.gz   | create-cluster: the package none.tar.gz does not exist; write it with scripts/package
            dataproc/submit         | --region r -- train                                | submit: --cluster and --region are required
            dataproc/submit         | --cluster c --region r                             | submit: put the command to run after --
            dataproc/submit         | --cluster c --region r -- train --config none.yaml | submit: the job file none.yaml does not exist
            dataproc/submit         | --cluster c --region r -- doctor -- --master yarn  | submit: after the last --, only --conf KEY=VALUE is allowed, not '--master'
            dataproc/submit         | --cluster c --region r -- doctor -- --conf a       | submit: 'a' is not KEY=VALUE
            dataproc/submit         | --cluster c --region r -- doctor -- --conf a=b;c   | submit: a=b;c: gcloud cannot pass on a setting with a semicolon
            """)
    void wrongUseIsRefusedWithWhatToDo(String script, String arguments, String message) throws Exception {
        TrainingJob.Ended ended = cloud.script().run(CloudStandIn.command(script, arguments.split(" +")));
        assertThat(ended.err().lines().findFirst()).contains(message);
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(cloud.calls()).isEmpty();
    }
}
