package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.training.ExitCode;

/** Data that cannot be used: exit code 3, naming file and row. */
class BadInputDataTest {

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void openJob() {
        job = new SmallJob(folder);
    }

    @ParameterizedTest
    @CsvSource({
        "data.train.path=/nowhere/train.csv, data.file.missing, '/nowhere/train.csv'",
        "data.validation.path=/nowhere/dev.csv, data.file.missing, '/nowhere/dev.csv'",
        "data.train.format=xlsx, data.format.unknown, xlsx",
    })
    void filesAreLookedForBeforeSparkStarts(String override, String code, String fact) {
        refuses(job.trainWithoutSpark(override), code, fact);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "` ` | data.file.empty | 'DIR/train.csv'",
                "text,label | data.file.empty | 'DIR/train.csv'",
                "text,lable;a,yes | data.column.missing | 'DIR/train.csv' ~ 'label' ~ did you mean 'lable'?",
                "text,stars;a,5 | data.column.missing | 'DIR/train.csv' ~ 'label' ~ 'text', 'stars'",
                "text,label;a,yes;,no;,no | data.text.missing | DIR/train.csv row 2: ~ 1 more row",
                "text,label;a,yes;b,no;c, | data.label.missing | DIR/train.csv row 3:",
                "text,label;a,yes;b,no,maybe | data.row.malformed | DIR/train.csv row 2: ~ 2 fields ~ b,no,maybe",
                "text,label;a,yes;b | data.row.malformed | DIR/train.csv row 2: ~ 2 fields",
                "text,label;a,yes;b,yes | data.labels.count | 'DIR/train.csv' ~ 'yes'",
            })
    void trainingData(String rows, String code, String facts) {
        job.write("train.csv", rows.strip().replace(";", "\n"));
        refuses(job.train(), code, facts.split(" ~ "));
    }

    @Test
    void labelsThatWereNotDeclaredOrNeverSeen() {
        job.write("dev.csv", "text,label\ngood,yes\nbad,mabye\n");
        refuses(
                job.train("data.validation.path=" + folder + "/dev.csv"),
                "data.label.unseen",
                "DIR/dev.csv row 2:",
                "'mabye'",
                "'no', 'yes'");
        refuses(
                job.train("model.labels=[yes, on]"),
                "data.label.unseen",
                "DIR/train.csv row 2:",
                "'no'",
                "'yes', 'on'",
                "1 more row");
    }

    @Test
    void labelsThatAreNoNumbers() {
        refuses(
                job.train("model.task=regression"),
                "data.label.invalid",
                "DIR/train.csv row 1:",
                "'yes'",
                "3 more rows");
    }

    /** One line on stderr and the same text in status.json, with these facts and this code at the end. */
    private void refuses(TrainingJob.Ended ended, String code, String... facts) {
        List<String> lines =
                ended.err().lines().filter(l -> l.startsWith("spark-lora: ")).toList();
        assertThat(lines).as(ended.err()).hasSize(1);
        for (String fact : facts) {
            assertThat(lines.get(0)).contains(fact.replace("DIR", folder.toString()));
        }
        assertThat(lines.get(0)).endsWith("[" + code + "]");
        assertThat(ended.code()).isEqualTo(ExitCode.DATA.code());
        assertThat(ended.err()).doesNotContain("\tat org.");
        JsonNode status = TrainingJob.status(job.output());
        assertThat(status.get("state").asText()).isEqualTo("failed");
        assertThat(status.get("exit_code").asInt()).isEqualTo(ExitCode.DATA.code());
        assertThat("spark-lora: " + status.get("message").asText()).isEqualTo(lines.get(0));
        assertThat(job.output().resolve("adapter")).doesNotExist();
    }

    @Test
    void textsThatAreTooLongAreCutAndCounted() {
        job.write("train.csv", "text,label\n" + "good ".repeat(40) + ",yes\nbad,no\n");
        TrainingJob.Ended ended = job.train("training.num_train_epochs=1", "schedule.events=[]");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err()).contains("2 training rows", "1 cut to max_length 16");
    }
}
