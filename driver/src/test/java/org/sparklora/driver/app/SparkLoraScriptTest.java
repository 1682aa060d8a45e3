package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** scripts/spark-lora: which spark-submit line it makes. The lines themselves are run in ReadmeIT and PackageIT. */
class SparkLoraScriptTest {

    @TempDir
    private Path folder;

    private Script script;
    private Path home;
    private String natives;
    private String own;

    @BeforeEach
    void makeProject() throws IOException {
        Path target = Files.createDirectories(folder.resolve("project/driver/target"));
        Files.createDirectories(target.resolve("natives"));
        natives = Files.createFile(target.resolve("natives/pytorch.jar")).toString();
        own = Files.createFile(target.resolve("spark-lora.jar")).toString();
        Path scripts = Files.createDirectories(folder.resolve("project/scripts"));
        Files.copy(Path.of(Script.of("spark-lora")), scripts.resolve("spark-lora"));
        home = Files.createDirectories(folder.resolve("home"));
        Files.createDirectories(home.resolve("conf"));
        Files.createDirectories(home.resolve("bin"));
        Files.copy(Script.STAND_INS.resolve("recording/spark-submit"), home.resolve("bin/spark-submit"));
        script = new Script(folder).with("SPARK_HOME", home.toString());
    }

    private List<String> line(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(
                List.of(folder.resolve("project/scripts/spark-lora").toString()));
        command.addAll(List.of(arguments));
        return script.succeed(command).lines().toList();
    }

    private static String after(List<String> line, String option) {
        assertThat(line).containsOnlyOnce(option);
        return line.get(line.indexOf(option) + 1);
    }

    @Test
    void theShellKeepsSparkLorasClassesBesideTheUsersJars() throws Exception {
        List<String> line =
                line("shell", "--", "--master", "spark://h:7077", "--jars", "my.jar", "--packages", "a:b:1");
        assertThat(after(line, "--jars")).isEqualTo(natives + "," + own + ",my.jar");
        assertThat(after(line, "--packages")).isEqualTo("a:b:1");
        assertThat(after(line, "--master")).isEqualTo("spark://h:7077");
    }

    @Test
    void anApplicationKeepsSparkLorasClassesBesideItsOwn() throws Exception {
        List<String> line = line(
                "submit",
                "--class",
                "a.B",
                "app.jar",
                "x",
                "--",
                "--packages",
                "a:b:1",
                "--jars=my.jar",
                "--files",
                "f");
        assertThat(after(line, "--jars")).isEqualTo(natives + "," + own + ",my.jar");
        assertThat(line)
                .containsSubsequence("--packages", "a:b:1", "--files", "f")
                .endsWith("--class", "a.B", "app.jar", "x");
    }

    @Test
    void inLocalModeClassPathsAreJoined() throws Exception {
        List<String> line = line(
                "train",
                "--config",
                "job.yaml",
                "--",
                "--master=local[2]",
                "--driver-class-path=x.jar",
                "--conf",
                "spark.jars=y.jar");
        assertThat(after(line, "--driver-class-path")).isEqualTo(natives + ":x.jar");
        assertThat(after(line, "--jars")).isEqualTo("y.jar");
        assertThat(line).doesNotContain("spark.jars=y.jar").endsWith(own, "train", "--config", "job.yaml");
    }

    /** As spark-submit ranks them: a flag, then --conf, then the file. */
    @Test
    void propertiesOfAFileAreJoinedToo() throws Exception {
        Files.writeString(
                home.resolve("conf/spark-defaults.conf"),
                "spark.master spark://h:7077\nspark.jars=file.jar\nspark.jars.packages p:q:1\n");
        List<String> line = line("train");
        assertThat(after(line, "--jars")).isEqualTo(natives + ",file.jar");
        assertThat(after(line, "--master")).isEqualTo("spark://h:7077");
        assertThat(after(line("train", "--", "--conf", "spark.jars=conf.jar"), "--jars"))
                .isEqualTo(natives + ",conf.jar");
        Path own = Files.writeString(folder.resolve("own.conf"), "spark.driver.extraClassPath : z.jar \n");
        List<String> other = line("train", "--", "--properties-file", own.toString());
        assertThat(after(other, "--jars")).isEqualTo(natives);
        assertThat(after(other, "--driver-class-path")).isEqualTo("z.jar");
        assertThat(after(other, "--properties-file")).isEqualTo(own.toString());
    }

    private TrainingJob.Ended inFolder(String name, String... arguments) throws Exception {
        Path place = folder.resolve(name);
        Files.move(folder.resolve("project"), place);
        List<String> command =
                new ArrayList<>(List.of(place.resolve("scripts/spark-lora").toString()));
        command.addAll(List.of(arguments));
        TrainingJob.Ended ended = script.run(command);
        Files.move(place, folder.resolve("project"));
        return ended;
    }

    @Test
    void aPlaceThatSparkCannotReadIsNamed() throws Exception {
        for (String name : List.of("a,b", "a:b", "a#b")) {
            TrainingJob.Ended ended = inFolder(name, "train");
            assertThat(ended.code()).as(name).isEqualTo(2);
            assertThat(ended.err()).hasLineCount(1).contains("/" + name + "'");
        }
        assertThat(inFolder("a[b]", "train", "--", "--master", "yarn").err()).contains("/a[b]'");
        for (String name : List.of("a b", "a%20b", "a[b]", "é")) {
            assertThat(inFolder(name, "train", "--", "--master", "local").out())
                    .as(name)
                    .contains(natives.replace("/project/", "/" + name + "/"));
        }
    }

    @Test
    void theLocaleKnowsMoreThanAscii() throws Exception {
        script.with("LC_ALL", "C").with("PRINT", "LC_ALL");
        assertThat(line("train")).contains("LC_ALL=C.UTF-8");
        script.with("LC_ALL", "en_US.UTF-8");
        assertThat(line("train")).contains("LC_ALL=en_US.UTF-8");
    }

    @Test
    void aMissingValueIsNamed() throws Exception {
        TrainingJob.Ended ended =
                script.run(List.of(folder.resolve("project/scripts/spark-lora").toString(), "train", "--", "--jars"));
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err()).contains("--jars");
    }
}
