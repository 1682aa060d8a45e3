package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.DocumentationPage;
import org.sparklora.driver.DocumentationPage.Block;

/**
 * Runs the blocks of README.md and {@code docs} that are marked {@code <!-- test: ReadmeIT -->}, as they are printed and in
 * their order, each page in a directory of its own that looks like the project's root.
 *
 * <p>Bash blocks are scripts, a Java block becomes a file named after its public class, and a Scala block goes to the Spark
 * shell. Each line of a block without a language must have been printed by the blocks before it. YAML blocks that begin
 * with {@code # NAME.yaml} are files of that name. Files that a reader is asked to bring are there: {@code train.csv} and
 * {@code dev.csv}.
 */
@Tag("clusters")
class ReadmeIT {

    private static final long MINUTES = 10;
    private static final int TRAINING_ROWS = 320;
    private static final int DEV_ROWS = 80;
    private static final int SAMPLE_ROWS = 500;
    private static final Pattern FILE_NAME = Pattern.compile("# ([\\w-]+\\.yaml)");
    private static final Pattern CLASS_NAME = Pattern.compile("public (?:final )?class (\\w+)");

    @TempDir
    private Path folder;

    @TestFactory
    Stream<DynamicTest> everyMarkedBlockRuns() throws IOException {
        List<DocumentationPage> marked = DocumentationPage.all().stream()
                .filter(page -> page.blocks().stream().anyMatch(ReadmeIT::isOurs))
                .toList();
        assertThat(marked).extracting(DocumentationPage::name).contains("README.md", "docs/spark-ml.md");
        return marked.stream().map(page -> DynamicTest.dynamicTest(page.name(), () -> run(page)));
    }

    private static boolean isOurs(Block block) {
        return block.tests().contains(ReadmeIT.class.getSimpleName());
    }

    private void run(DocumentationPage page) throws Exception {
        Path root = Files.createDirectory(folder.resolve(page.name().replace('/', '-')));
        makeRoot(root);
        StringBuilder output = new StringBuilder();
        for (Block block : page.blocks()) {
            if (block.language().equals("yaml")) {
                saveNamed(root, block);
            } else if (isOurs(block) && block.language().isEmpty()) {
                String printed = spaced(output.toString());
                block.code()
                        .forEach(line -> assertThat(printed)
                                .as(block.where())
                                .contains(spaced(line).strip()));
            } else if (isOurs(block)) {
                output.append(run(root, block));
            }
        }
        check(page.name(), root, output.toString());
    }

    /** Text with its blanks reduced to one each, so that the width of a column does not count. */
    private static String spaced(String text) {
        return text.replaceAll(" +", " ");
    }

    private static void makeRoot(Path root) throws IOException {
        for (String name : List.of("conf", "driver", "scripts")) {
            Files.createSymbolicLink(
                    root.resolve(name),
                    TrainingJob.ROOT.resolve(name).toAbsolutePath().normalize());
        }
        // Sample texts have no line breaks.
        List<String> sample = Files.readAllLines(root.resolve("driver/target/sample/dev.csv"));
        Files.write(root.resolve("train.csv"), sample.subList(0, 1 + TRAINING_ROWS));
        List<String> dev = new ArrayList<>(sample.subList(0, 1));
        dev.addAll(sample.subList(1 + TRAINING_ROWS, 1 + TRAINING_ROWS + DEV_ROWS));
        Files.write(root.resolve("dev.csv"), dev);
    }

    private static void saveNamed(Path root, Block block) throws IOException {
        Matcher name = FILE_NAME.matcher(block.code().get(0));
        if (name.matches()) {
            Files.writeString(root.resolve(name.group(1)), block.text());
        }
    }

    private static String run(Path root, Block block) throws Exception {
        switch (block.language()) {
            case "bash" -> {
                return shell(root, block.where(), block.text());
            }
            case "java" -> {
                Matcher name = CLASS_NAME.matcher(block.text());
                assertThat(name.find()).as(block.where() + ": a public class").isTrue();
                Files.writeString(root.resolve(name.group(1) + ".java"), block.text());
                return "";
            }
            case "scala" -> {
                Files.writeString(root.resolve("block.scala"), block.text() + "sys.exit(0)\n");
                String output =
                        shell(root, block.where(), "scripts/spark-lora shell -- --master 'local[2]' -I block.scala");
                assertThat(output).as(block.where()).doesNotContain("error:");
                return output;
            }
            default ->
                throw new AssertionError(block.where() + ": '" + block.language() + "' blocks cannot be run here");
        }
    }

    private static String shell(Path root, String where, String script) throws Exception {
        File log = Files.createTempFile(root, "output", ".log").toFile();
        Process process = new ProcessBuilder("bash", "-euo", "pipefail", "-c", script)
                .directory(root.toFile())
                .redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(log)
                .start();
        try {
            assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).as(where).isTrue();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        String output = Files.readString(log.toPath());
        assertThat(process.exitValue()).as(where + "\n" + output).isZero();
        return output;
    }

    /** What the programs of a page must have done, beyond ending without an error. */
    private static void check(String page, Path root, String output) throws IOException {
        switch (page) {
            case "README.md" -> {
                assertThat(output).contains("{\"examples\":" + DEV_ROWS + ",\"accuracy\":");
                assertThat(predictedRows(root.resolve("out/predicted"))).isEqualTo(DEV_ROWS);
                assertThat(root.resolve("out/model/metadata")).isDirectory();
                assertThat(output).contains("|predicted");
                // The timeline of the picture.
                assertThat(decisions(root.resolve("out/thaw")))
                        .containsExactly("thaw bottom 2", "add middle 4", "thaw middle 4", "freeze bottom 5");
            }
            case "docs/spark-ml.md" -> {
                Matcher right =
                        Pattern.compile("(\\d+) of " + SAMPLE_ROWS + " right").matcher(output);
                assertThat(right.find()).as(output).isTrue();
                assertThat(Integer.parseInt(right.group(1))).as("of 5 classes").isGreaterThan(SAMPLE_ROWS / 2);
                assertThat(output).contains("|label").contains("vector|").contains(SAMPLE_ROWS + " scored");
                assertThat(output).contains("{\"examples\":" + SAMPLE_ROWS + ",\"accuracy\":");
            }
            default -> {
                // Its commands ended with exit code 0.
            }
        }
    }

    /** Lines with a prediction in the part files: one of each row, as sample texts have no line breaks. */
    private static long predictedRows(Path output) throws IOException {
        long rows = 0;
        for (Path part : TrainingJob.parts(output)) {
            List<String> lines = Files.readAllLines(part);
            assertThat(lines.get(0)).isEqualTo("text,label,prediction,probability");
            rows += lines.size() - 1;
        }
        return rows;
    }

    private static List<String> decisions(Path run) throws IOException {
        ObjectMapper json = new ObjectMapper();
        try (Stream<String> lines = Files.lines(run.resolve("history.jsonl"))) {
            return lines.filter(line -> line.matches("\\{\"event\":\"(thaw|freeze|add)\".*"))
                    .map(line -> {
                        try {
                            var event = json.readTree(line);
                            return event.get("event").asText() + " "
                                    + event.get("group").asText() + " "
                                    + event.get("epoch").asInt();
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    })
                    .toList();
        }
    }
}
