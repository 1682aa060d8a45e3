package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.app.FieldItem.Run;

/** Data files as people have them: each is read as what it says, or refused with the row and the setting that mends it. */
class FieldDataTest {

    @TempDir
    private Path folder;

    private FieldItem field;

    @BeforeEach
    void requireField() {
        field = new FieldItem(folder);
    }

    private static String labels(Run run) throws IOException {
        return new ObjectMapper()
                .readTree(run.output().resolve("manifest.json").toFile())
                .get("labels")
                .toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"job.yaml", "job-commas.yaml"})
    void quotesThatSparkEscapedAreNamed(String job) throws IOException {
        field.train("20-csv-written-by-spark", job).refused(3, "escape: '\\'");
    }

    @Test
    void quotesThatSparkEscapedAreReadWithTheOption() throws IOException {
        String item = "20-csv-written-by-spark";
        assertThat(field.train(item, "job-remedy.yaml").trained().adapter())
                .isEqualTo(field.train(item, "job-control.yaml").trained().adapter());
    }

    @Test
    void anotherEncodingOrSeparatorIsNamed() throws IOException {
        String item = "21-encodings";
        field.train(item, "job.yaml").refused(3, "encoding", "windows-1252", " row ", "[data.text.encoding]");
        field.train(item, "job-excel.yaml").refused(3, "sep: ';'", "[data.column.missing]");
        field.train(item, "job-utf16.yaml").refused(3, "encoding: UTF-16", "[data.column.missing]");
        assertThat(field.train(item, "job-remedy.yaml").trained().adapter())
                .isEqualTo(field.train(item, "job-control.yaml").trained().adapter());
    }

    @ParameterizedTest
    @ValueSource(strings = {"job-no-zone.yaml", "job-utc.yaml", "job-other.yaml"})
    void columnsThatNobodyAskedForDoNotMatter(String job) throws IOException {
        field.train("22-parquet-nanoseconds", job).trained();
    }

    @ParameterizedTest
    @CsvSource({"job-double-with-nan.yaml, label", "job-double-with-null.yaml, label", "job-weight-nan.yaml, weight"})
    void nanIsNoLabelAndNoWeight(String job, String column) throws IOException {
        field.train("23-label-columns-of-pandas", job).refused(3, " row ", column);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "job-bool.yaml",
                "job-category.yaml",
                "job-declared.yaml",
                "job-double.yaml",
                "job-int64.yaml",
                "job-int8.yaml",
                "job-nan-word.yaml"
            })
    void labelsOfOtherTypesAreLabels(String job) throws IOException {
        field.train("23-label-columns-of-pandas", job).trained();
    }

    @Test
    void tagsThatAreNumbersAreRefused() throws IOException {
        String item = "25-ner-tags-as-numbers";
        field.train(item, "job.yaml").refused(3, "numbers", "int2str", "[data.tags.numbers]");
        field.train(item, "job-labels.yaml").refused(3, "[data.label.unseen]");
        field.train(item, "job-control.yaml").trained();
    }

    @Test
    void labelsInNamesOfFoldersStayAsTheyAre() throws IOException {
        String item = "28-partition-folders";
        assertThat(labels(field.train(item, "job.yaml").trained())).isEqualTo("[\"01\",\"02\",\"10\"]");
        assertThat(labels(field.train(item, "job-parquet.yaml").trained())).isEqualTo("[\"01\",\"02\",\"10\"]");
        assertThat(labels(field.train(item, "job-mixed.yaml").trained()))
                .isEqualTo("[\"1e2\",\"2024-01-05\",\"other\"]");
        field.train(item, "job-default.yaml").refused(3, "label");
    }
}
