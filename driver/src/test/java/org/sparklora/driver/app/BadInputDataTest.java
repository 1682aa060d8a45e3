package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
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
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "data.train.path=/nowhere/train.csv | '/nowhere/train.csv' does not exist; check the path in the data section",
                "data.validation.path=/nowhere/dev.csv | '/nowhere/dev.csv' does not exist; check the path in the data section",
                "data.train.format=xlsx | 'DIR/train.csv': the format 'xlsx' is none of csv, tsv, parquet, json, jsonl; set format in the data section to one of these",
            })
    void filesAreLookedForBeforeSparkStarts(String override, String message) {
        job.failed(job.trainWithoutSpark(override), ExitCode.DATA, message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "` ` | 'DIR/train.csv' is empty; it needs a header and at least one row",
                "text,label | 'DIR/train.csv' has a header but no rows; it needs at least one",
                "text,lable;a,yes | 'DIR/train.csv' has no column 'label'; did you mean 'lable'? Its columns are 'text', 'lable'; name the right one in the data section",
                "text,stars;a,5 | 'DIR/train.csv' has no column 'label'. Its columns are 'text', 'stars'; name the right one in the data section",
                "text,label;a,yes;,no;,no | DIR/train.csv row 2: the text is missing or empty; fill it in or remove the row; 1 more row has a problem",
                "text,label;a,yes;b,no;c, | DIR/train.csv row 3: the label is missing or empty; fill it in or remove the row",
                "text,label;a,yes;b,no,maybe | DIR/train.csv row 2: the row does not have the 2 fields of the header: b,no,maybe; put fields that hold a comma, a quote or a line break into double quotes",
                "text,label;a,yes;b | DIR/train.csv row 2: the row does not have the 2 fields of the header: b; put fields that hold a comma, a quote or a line break into double quotes",
                "text,label;a,yes;b,yes | 'DIR/train.csv' has one label only, 'yes'; a classifier needs at least two: check data.train.label, or set model.labels",
            })
    void trainingData(String rows, String message) {
        job.write("train.csv", rows.strip().replace(";", "\n"));
        job.failed(job.train(), ExitCode.DATA, message);
    }

    @Test
    void labelsThatWereNotDeclaredOrNeverSeen() {
        job.write("dev.csv", "text,label\ngood,yes\nbad,mabye\n");
        job.failed(
                job.train("data.validation.path=" + folder + "/dev.csv"),
                ExitCode.DATA,
                "DIR/dev.csv row 2: label 'mabye' is unknown. The labels are 'no', 'yes'; correct the row, or add the label"
                        + " to model.labels");
        job.failed(
                job.train("model.labels=[yes, on]"),
                ExitCode.DATA,
                "DIR/train.csv row 2: label 'no' is unknown. The labels are 'yes', 'on'; correct the row, or add the label"
                        + " to model.labels; 1 more row has a problem");
    }

    @Test
    void labelsThatAreNoNumbers() {
        job.failed(
                job.train("model.task=regression"),
                ExitCode.DATA,
                "DIR/train.csv row 1: label 'yes' is not a finite number; correct it, or set model.task to classification;"
                        + " 3 more rows have a problem");
    }

    @Test
    void textsThatAreTooLongAreCutAndCounted() {
        job.write("train.csv", "text,label\n" + "good ".repeat(40) + ",yes\nbad,no\n");
        TrainingJob.Ended ended = job.train("training.num_train_epochs=1", "schedule.events=[]");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err()).contains("job: 2 training rows (1 cut to max_length 16), 1 steps an epoch, 2 shards");
    }
}
