package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs of the README, as they stand there, in a folder that looks like the project's root. */
class ReadmeIT {

    private static final long MINUTES = 10;

    @TempDir
    private static Path root;

    /** What a snippet names by a relative path, it finds; what it writes, goes here. */
    @BeforeAll
    static void makeRoot() throws IOException {
        for (String name : List.of("conf", "driver", "scripts")) {
            Files.createSymbolicLink(
                    root.resolve(name),
                    TrainingJob.ROOT.resolve(name).toAbsolutePath().normalize());
        }
    }

    private static String section(String heading) throws IOException {
        String readme = Files.readString(TrainingJob.ROOT.resolve("README.md"));
        int start = readme.indexOf("\n## " + heading + "\n");
        assertThat(start).as("section " + heading).isPositive();
        int end = readme.indexOf("\n## ", start + 1);
        return readme.substring(start, end < 0 ? readme.length() : end);
    }

    private static String block(String section, String language) {
        Matcher block = Pattern.compile("```" + language + "\\R(.*?)```", Pattern.DOTALL)
                .matcher(section);
        assertThat(block.find()).as("a block of " + language).isTrue();
        return block.group(1);
    }

    private static String run(String script) throws Exception {
        File log = Files.createTempFile(root, "output", ".log").toFile();
        Process process = new ProcessBuilder("bash", "-euo", "pipefail", "-c", script)
                .directory(root.toFile())
                .redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(log)
                .start();
        try {
            assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        String said = Files.readString(log.toPath());
        assertThat(process.exitValue()).as(said).isZero();
        return said;
    }

    @Test
    void theJavaProgramThenTheScalaShell() throws Exception {
        String section = section("In a Spark program");
        Files.writeString(root.resolve("Intents.java"), block(section, "java"));
        String java = run(block(section, "bash"));
        Matcher right = Pattern.compile("(\\d+) of 500 right").matcher(java);
        assertThat(right.find()).as(java).isTrue();
        assertThat(Integer.parseInt(right.group(1))).as("of 5 classes").isGreaterThan(250);

        Files.writeString(root.resolve("snippet.scala"), block(section, "scala") + "\nsys.exit(0)\n");
        String scala = run("scripts/spark-lora shell -- --master 'local[2]' -I snippet.scala");
        assertThat(scala).doesNotContain("error:").contains("|label").contains("vector|");
    }

    @Test
    void evaluateAndPredictTakeTheModelThatAProgramSaved() throws Exception {
        String model = "out/model";
        Files.writeString(root.resolve("train.scala"), TrainingJob.format("""
                import org.sparklora.driver.ml.LoraTextClassifier
                val rows = spark.read.option("header", "true").option("escape", "\\"").csv("driver/target/sample/dev.csv")
                val classifier = new LoraTextClassifier().setBaseModel("conf/starter-bert-12l").setMaxIter(1)
                classifier.fit(rows).write.overwrite.save("%s")
                sys.exit(0)
                """, model));
        run("scripts/spark-lora shell -- --master 'local[2]' -I train.scala");
        String section = section("Predict and evaluate").replace("out/quickstart", model + "/run");
        String said = run(block(section, "bash"));
        assertThat(said).contains("{\"examples\":500,\"accuracy\":").contains("500 rows predicted into out/predicted");
    }
}
