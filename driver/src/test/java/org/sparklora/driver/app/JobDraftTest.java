package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.config.Task;

/** A job in one line: {@code train} and {@code init-job} without a job file. */
class JobDraftTest {

    private static final String ADAPTER = "adapter/adapter_model.safetensors";

    @TempDir
    private Path folder;

    private TrainingJob.Ended run(String command, Path rows, String... more) {
        List<String> args = new ArrayList<>(
                List.of(command, "--model", TrainingJob.TINY_MODEL.toString(), "--train", rows.toString()));
        args.addAll(List.of(more));
        return TrainingJob.run("local[2]", args.toArray(String[]::new));
    }

    private JobConfig drafted(String... more) {
        Path file = folder.resolve("job.yaml");
        List<String> args = new ArrayList<>(List.of("--config", file.toString()));
        args.addAll(List.of(more));
        TrainingJob.Ended ended = run("init-job", folder.resolve("data/rows.csv"), args.toArray(String[]::new));
        assertThat(ended.code()).as(ended.err()).isZero();
        return JobFile.read(file, List.of(), Optional.empty());
    }

    private Path write(String... lines) throws IOException {
        Files.createDirectories(folder.resolve("data"));
        return Files.writeString(folder.resolve("data/rows.csv"), String.join("\n", lines) + "\n");
    }

    @Test
    void theWrittenJobTrainsToTheBitsOfTheOneLine() throws IOException {
        Path rows = TrainingJob.sixtyRows(folder);
        Path job = folder.resolve("job.yaml");
        Path one = folder.resolve("one");
        TrainingJob.Ended written = run("init-job", rows, "--config", job.toString(), "--output", one.toString());
        assertThat(written.code()).as(written.err()).isZero();
        assertThat(written.err()).contains("text in [text], label in 'label'; task classification: labels are texts");
        assertThat(Files.readString(job)).contains("# rank of the update", "target_modules: [query, value]", "[0-10]");

        TrainingJob.Ended line = run("train", rows, "--output", one.toString(), "--set", "training.num_train_epochs=2");
        assertThat(line.code()).as(line.err()).isZero();
        Path two = folder.resolve("two");
        assertThat(TrainingJob.train("local[1]", job, two, "training.num_train_epochs=2")
                        .code())
                .isZero();
        assertThat(two.resolve(ADAPTER)).hasSameBinaryContentAs(one.resolve(ADAPTER));
        assertThat(TrainingJob.events(two, "thaw")).singleElement().asString().contains("rest");

        TrainingJob.Ended again = run("train", rows, "--output", one.toString());
        assertThat(again.code()).isEqualTo(2);
        assertThat(again.err()).contains("[output.not-empty]");
        TrainingJob.Ended fileThere = run("init-job", rows, "--config", job.toString());
        assertThat(fileThere.code()).isEqualTo(2);
        assertThat(fileThere.err()).contains(job + " exists");
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', textBlock = """
            1,2,3,1       ; CLASSIFICATION ; 3 whole numbers
            1.0,0.0,1,0   ; CLASSIFICATION ; 2 whole numbers
            1.5,2,3,1     ; REGRESSION     ; labels are numbers
            1,2,x,1       ; CLASSIFICATION ; labels are texts
            a|b,b,a,a     ; MULTI_LABEL    ; separated by |
            """)
    void theTaskIsTakenFromTheLabels(String labels, Task task, String reason) throws IOException {
        List<String> lines = new ArrayList<>(List.of("review,stars"));
        for (String label : labels.split(",")) {
            lines.add("great plot," + label);
        }
        write(lines.toArray(String[]::new));
        JobConfig job = drafted("--label", "stars");
        assertThat(job.model().task()).isEqualTo(task);
        assertThat(job.data().train().text()).isEqualTo("review");
        assertThat(job.data().train().label()).isEqualTo("stars");
        assertThat(job.name()).isEqualTo("rows");
        assertThat(Files.readString(folder.resolve("job.yaml"))).contains(reason);
    }

    @Test
    void moreThanTwentyWholeNumbersAreAQuantity() throws IOException {
        List<String> lines = new ArrayList<>(List.of("text,label"));
        for (int i = 0; i < 20; i++) {
            lines.add("great plot," + i);
        }
        write(lines.toArray(String[]::new));
        assertThat(drafted().model().task()).isEqualTo(Task.CLASSIFICATION);
        lines.add("great plot,20");
        write(lines.toArray(String[]::new));
        Files.delete(folder.resolve("job.yaml"));
        assertThat(drafted().model().task()).isEqualTo(Task.REGRESSION);
        Files.delete(folder.resolve("job.yaml"));
        assertThat(drafted("--task", "classification").model().task()).isEqualTo(Task.CLASSIFICATION);
    }

    @Test
    void pairsAndOddNamesAreQuoted() throws IOException {
        write("premise,hypothesis,target,id", "a plot,an end,yes,1", "an end,a plot,no,2");
        Path odd = folder.resolve("data/odd {name} 'x'.csv");
        Files.move(folder.resolve("data/rows.csv"), odd);
        Path file = folder.resolve("job.yaml");
        TrainingJob.Ended ended = run("init-job", odd, "--config", file.toString(), "--validation", odd.toString());
        assertThat(ended.code()).as(ended.err()).isZero();
        JobConfig job = JobFile.read(file, List.of(), Optional.empty());
        assertThat(job.data().train().text()).isEqualTo("premise");
        assertThat(job.data().train().textPair()).contains("hypothesis");
        assertThat(job.data().train().label()).isEqualTo("target");
        assertThat(job.data().train().path()).contains(odd.toString());
        assertThat(job.output()).endsWith("/out/odd {name} 'x'");
    }

    @Test
    void wordsWithTagsAndListsOfLabels() throws IOException {
        Path rows = Files.writeString(folder.resolve("train.jsonl"), """
                {"tokens": ["great", "plot"], "tags": ["O", "B-X"]}
                """);
        Path file = folder.resolve("job.yaml");
        assertThat(run("init-job", rows, "--config", file.toString()).code()).isZero();
        JobConfig job = JobFile.read(file, List.of(), Optional.empty());
        assertThat(job.model().task()).isEqualTo(Task.TOKEN_CLASSIFICATION);
        assertThat(job.name()).isEqualTo(folder.getFileName().toString());
        Files.writeString(rows, "{\"text\": \"great plot\", \"labels\": [\"a\", \"b\"]}\n");
        Files.delete(file);
        assertThat(run("init-job", rows, "--config", file.toString()).code()).isZero();
        assertThat(JobFile.read(file, List.of(), Optional.empty()).model().task())
                .isEqualTo(Task.MULTI_LABEL);
    }

    @Test
    void aPathThatIsWrongIsThatOfItsOption() throws IOException {
        Path rows = write("text,label", "a,x", "b,y");
        Path nowhere = folder.resolve("nowhere.csv");
        TrainingJob.Ended train = run("train", nowhere);
        assertThat(train.code()).as(train.err()).isEqualTo(3);
        assertThat(train.err())
                .contains("'" + nowhere + "' does not exist; check the path in --train")
                .doesNotContain("data section");
        String job = folder.resolve("job.yaml").toString();
        TrainingJob.Ended validation = run("init-job", rows, "--config", job, "--validation", nowhere.toString());
        assertThat(validation.code()).as(validation.err()).isEqualTo(3);
        assertThat(validation.err())
                .contains("'" + nowhere + "' does not exist; check the path in --validation")
                .doesNotContain("data section");
    }

    @Test
    void whatCannotBeGuessedIsAsked() throws IOException {
        Path rows = write("a,b,c", "1,2,3");
        TrainingJob.Ended label = run("train", rows);
        assertThat(label.code()).isEqualTo(3);
        assertThat(label.err()).contains("--label", "Its columns are 'a', 'b', 'c'", "[data.column.missing]");
        TrainingJob.Ended text = run("train", rows, "--label", "c");
        assertThat(text.err()).contains("--text", "Its columns are 'a', 'b'");
        TrainingJob.Ended wrong = run("train", rows, "--label", "c", "--text", "d");
        assertThat(wrong.code()).isEqualTo(3);
        assertThat(wrong.err()).contains("no column 'd'", "--text");
        TrainingJob.Ended task = run("train", rows, "--task", "clustering");
        assertThat(task.code()).isEqualTo(2);
        assertThat(task.err()).contains("--task is one of classification, ", "not 'clustering'");
        TrainingJob.Ended half = TrainingJob.run("local[1]", "train", "--model", "m");
        assertThat(half.code()).isEqualTo(2);
        assertThat(half.err()).contains("needs --model and --train");
        TrainingJob.Ended neither = TrainingJob.run("local[1]", "train");
        assertThat(neither.code()).isEqualTo(2);
        assertThat(neither.err()).contains("--config FILE", "--model", "--train");
        TrainingJob.Ended both = run("train", rows, "--config", "job.yaml");
        assertThat(both.code()).isEqualTo(2);
        assertThat(both.err()).contains("[usage.options-conflict]");
    }
}
