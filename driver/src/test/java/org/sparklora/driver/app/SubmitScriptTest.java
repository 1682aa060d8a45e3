package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.training.ExitCode;

/** The package's submit script: which spark-submit line it makes. The lines themselves are run in PackageIT. */
class SubmitScriptTest {

    @TempDir
    private Path folder;

    private CloudStandIn cloud;
    private Path submit;

    @BeforeEach
    void makePackage() throws IOException {
        cloud = new CloudStandIn(folder);
        cloud.script().withPrograms(Script.STAND_INS.resolve("recording"));
        Path files = Files.createDirectories(folder.resolve("package/natives")).resolveSibling("");
        submit = Files.copy(Path.of(Script.of("submit")), files.resolve("submit"));
        Files.createFile(files.resolve("spark-lora.jar"));
        Files.createFile(files.resolve("natives/pytorch-native-cpu.jar"));
        Files.createDirectory(files.resolve("conf"));
        Files.writeString(
                files.resolve("conf/spark-ours.conf"),
                "# why\nspark.executor.memory=3g\n\n# why\nspark.executor.extraJavaOptions=-Xss2m\n");
        Files.writeString(folder.resolve("job.yaml"), "name: one\n");
    }

    private List<String> line(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(submit.toString()));
        command.addAll(List.of(arguments));
        return cloud.script().succeed(command).lines().toList();
    }

    private String in(String file) {
        return submit.resolveSibling(file).toString();
    }

    @Test
    void jarsAndFilesOfTheCallerJoinOurs() throws Exception {
        List<String> line = line(
                "train",
                "--config",
                "job.yaml",
                "--",
                "--deploy-mode",
                "cluster",
                "--jars=a.jar",
                "--conf",
                "spark.jars=b.jar",
                "--files",
                "x.txt",
                "--conf=spark.files=y.txt");
        assertThat(line).containsOnlyOnce("--jars").containsOnlyOnce("--files");
        assertThat(line.get(line.indexOf("--jars") + 1)).endsWith("pytorch-native-cpu.jar,a.jar,b.jar");
        assertThat(line.get(line.indexOf("--files") + 1)).isEqualTo("x.txt,y.txt,job.yaml");
    }

    /** As spark-submit ranks them: a list of an option, else that of the properties file. */
    @Test
    void jarsAndFilesOfAPropertiesFileJoinOurs() throws Exception {
        Path own = Files.writeString(
                folder.resolve("own.conf"), "spark.jars a.jar,b.jar\nspark.files = x.txt\nspark.jars.packages p:q:1\n");
        for (List<String> option :
                List.of(List.of("--properties-file", own.toString()), List.of("--properties-file=" + own))) {
            List<String> arguments =
                    new ArrayList<>(List.of("train", "--config", "job.yaml", "--", "--deploy-mode", "cluster"));
            arguments.addAll(option);
            List<String> line = line(arguments.toArray(String[]::new));
            assertThat(line)
                    .containsOnlyOnce("--jars")
                    .containsOnlyOnce("--files")
                    .containsSubsequence(option);
            assertThat(line.get(line.indexOf("--jars") + 1)).endsWith("pytorch-native-cpu.jar,a.jar,b.jar");
            assertThat(line.get(line.indexOf("--files") + 1)).isEqualTo("x.txt,job.yaml");
        }
        Files.move(own, folder.resolve("spark-defaults.conf"));
        cloud.script().with("SPARK_CONF_DIR", folder.toString());
        List<String> line = line("doctor", "--", "--packages", "a:b:1", "--jars", "c.jar");
        assertThat(line.get(line.indexOf("--jars") + 1)).endsWith("pytorch-native-cpu.jar,c.jar");
        assertThat(line).containsSubsequence("--packages", "a:b:1", "--files", "x.txt");
    }

    @Test
    void settingsComeFirstAndTheCallersOptionsWin() throws Exception {
        assertThat(line(
                        "--settings",
                        "ours",
                        "train",
                        "--config",
                        "job.yaml",
                        "--",
                        "--conf",
                        "spark.executor.memory=4g"))
                .containsExactly(
                        "--class",
                        "org.sparklora.driver.app.Main",
                        "--jars",
                        in("natives/pytorch-native-cpu.jar"),
                        "--conf",
                        "spark.executor.memory=3g",
                        "--conf",
                        "spark.executor.extraJavaOptions=-Xss2m",
                        "--conf",
                        "spark.executor.memory=4g",
                        in("spark-lora.jar"),
                        "train",
                        "--config",
                        "job.yaml",
                        "job: name: one");
    }

    @Test
    void theCallersJarsJoinTheNatives() throws Exception {
        String natives = in("natives/pytorch-native-cpu.jar");
        assertThat(line("doctor", "--", "--jars", "a.jar,b.jar")).contains(natives + ",a.jar,b.jar");
        assertThat(line("doctor", "--", "--jars=a.jar"))
                .contains(natives + ",a.jar")
                .doesNotContain("--jars=a.jar");
    }

    @Test
    void aPlaceThatSparkCannotReadIsNamed() throws Exception {
        for (String name : List.of("a,b", "a:b", "a#b", "a[b]", "a?b")) {
            Path place = Files.move(submit.getParent(), folder.resolve(name));
            submit = place.resolve("submit");
            refused("'" + place + "'", "doctor");
        }
        submit = Files.move(submit.getParent(), folder.resolve("a b%20")).resolve("submit");
        assertThat(line("doctor")).contains(in("natives/pytorch-native-cpu.jar"), in("spark-lora.jar"));
    }

    @Test
    void theLocaleKnowsMoreThanAscii() throws Exception {
        cloud.script().with("LC_ALL", "POSIX").with("PRINT", "LC_ALL");
        assertThat(line("doctor")).contains("LC_ALL=C.UTF-8");
    }

    @Test
    void whereEveryNodeHasThePackageItsJarsDoNotTravel() throws Exception {
        Files.createFile(submit.resolveSibling("INSTALLED"));
        assertThat(line("doctor"))
                .contains("local://" + in("natives/pytorch-native-cpu.jar"), "local://" + in("spark-lora.jar"));
    }

    @Test
    void withDeployModeClusterTheJobFileTravels() throws Exception {
        for (List<String> mode : List.of(
                List.of("--deploy-mode", "cluster"),
                List.of("--deploy-mode=cluster"),
                List.of("--conf", "spark.submit.deployMode=cluster"))) {
            List<String> arguments = new ArrayList<>(List.of("train", "--config", folder + "/job.yaml", "--"));
            arguments.addAll(mode);
            assertThat(line(arguments.toArray(String[]::new)))
                    .containsSequence("--files", folder + "/job.yaml")
                    .containsSequence("train", "--config", "job.yaml");
        }
        assertThat(line("train", "--config=s3://ours/job.yaml", "--", "--deploy-mode", "cluster"))
                .containsSequence("--files", "s3://ours/job.yaml")
                .contains("--config=job.yaml");
        assertThat(cloud.calls()).as("nobody fetches it here").isEmpty();
    }

    @Test
    void aJobFileOfTheClustersFileSystemIsFetchedAndRemovedAgain() throws Exception {
        Files.createDirectories(cloud.stored("s3://ours"));
        Files.writeString(cloud.stored("s3://ours/two.yaml"), "name: two\n");
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        cloud.script().with("TMPDIR", temporary.toString());
        List<String> said = line("train", "--config", "s3://ours/two.yaml", "--resume");
        assertThat(said).contains("job: name: two");
        assertThat(said.get(said.indexOf("--config") + 1))
                .startsWith(temporary.toString())
                .endsWith("/two.yaml");
        assertThat(temporary).isEmptyDirectory();

        TrainingJob.Ended failed =
                cloud.script().with("STUB_CODE", "5").run(submit.toString(), "train", "--config", "s3://ours/two.yaml");
        assertThat(failed.code()).as("the command's own").isEqualTo(ExitCode.DIVERGED.code());
        assertThat(temporary).isEmptyDirectory();
    }

    @Test
    void onKubernetesTheImagesJarsAreNamed() throws Exception {
        String k8s = "k8s://https://127.0.0.1:6443";
        assertThat(line("train", "--config", "s3a://ours/job.yaml", "--", "--master", k8s, "--deploy-mode", "cluster"))
                .contains(
                        "local:///opt/spark-lora/natives/pytorch-native-cpu.jar",
                        "local:///opt/spark-lora/spark-lora.jar")
                .containsSequence("--files", "s3a://ours/job.yaml");
        assertThat(line(
                        "train",
                        "--config",
                        "job.yaml",
                        "--",
                        "--master",
                        k8s,
                        "--deploy-mode",
                        "cluster",
                        "--conf",
                        "spark.kubernetes.file.upload.path=s3a://ours/up"))
                .containsSequence("--files", "job.yaml");
    }

    @Test
    void wrongUseIsRefused() throws Exception {
        refused("--settings", "--settings");
        refused("conf/spark-none.conf", "--settings", "none", "doctor");
        refused(
                "spark.kubernetes.file.upload.path",
                "train",
                "--config",
                "job.yaml",
                "--",
                "--master",
                "k8s://a",
                "--deploy-mode",
                "cluster");
        refused("s3://ours/none.yaml", "train", "--config", "s3://ours/none.yaml");
        Files.writeString(folder.resolve("odd.conf"), "spark.executor.memory 3g\n");
        refused("odd.conf: 'spark.executor.memory 3g'", "--settings", "odd.conf", "doctor");
        cloud.script().with("SPARK_HOME", "/nowhere");
        refused("/nowhere/bin/spark-submit", "doctor");
        Files.delete(submit.resolveSibling("spark-lora.jar"));
        refused(submit.getParent() + " has no spark-lora.jar", "doctor");
    }

    /** The last line on stderr is the script's error. It holds the fact. */
    private void refused(String fact, String... arguments) throws Exception {
        TrainingJob.Ended ended = cloud.script()
                .run(Stream.concat(Stream.of(submit.toString()), Stream.of(arguments))
                        .toList());
        assertThat(ended.err().lines().reduce((a, b) -> b))
                .hasValueSatisfying(
                        line -> assertThat(line).startsWith("submit: ").contains(fact));
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
    }
}
