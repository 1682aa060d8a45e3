package org.sparklora.driver.cluster.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.data.TokenizerSpec;

class DataSurveyTest {

    private static final ClassLabels LABELS = ClassLabels.of(List.of("no", "yes"));
    private static SparkSession spark;
    private static Tokenization tokens;

    @BeforeAll
    static void start() throws IOException {
        spark = LocalSpark.start();
        tokens = new Tokenization(TokenizerSpec.read(LocalSpark.TINY), 12);
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    /** 60 rows, row i of 1 + i mod 10 words. */
    private static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        for (int i = 1; i <= 60; i++) {
            rows.add(LocalSpark.row("a.csv", i, "good ".repeat(1 + i % 10).strip(), null, "yes", null));
        }
        return rows;
    }

    private static DataSurvey survey(List<Row> rows, int maxSample) {
        Dataset<Row> table = LocalSpark.table(spark, rows);
        return DataSurvey.of(table, LABELS, tokens, maxSample);
    }

    @Test
    void aSampleAsLargeAsTheDataIsTheData() {
        DataSurvey all = survey(rows(), 100);
        assertThat(all.rows()).isEqualTo(60);
        assertThat(all.sample().examples()).isEqualTo(60);
        // Words and two special tokens: 3 to 12, each six times.
        assertThat(all.sample().lengths()).hasSize(10).containsEntry(3, 6L).containsEntry(12, 6L);
        assertThat(all.sample().truncated()).isZero();
    }

    @Test
    void aSampleIsTheSameForAnyOrderAndPartitions() {
        List<Row> shuffled = rows();
        Collections.reverse(shuffled);
        DataSurvey some = survey(rows(), 20);
        assertThat(some.rows()).isEqualTo(60);
        assertThat(some.sample().examples()).isEqualTo(20);
        assertThat(survey(shuffled, 20)).isEqualTo(some);
        Dataset<Row> parts = LocalSpark.table(spark, rows()).repartition(7);
        assertThat(DataSurvey.of(parts, LABELS, tokens, 20)).isEqualTo(some);
        // Drawn, and not the first.
        assertThat(some.sample().lengths())
                .isNotEqualTo(survey(rows().subList(0, 20), 20).sample().lengths());
    }

    @Test
    void rowsThatCannotBeUsedAreRefusedAlthoughNotInTheSample() {
        List<Row> rows = rows();
        rows.add(LocalSpark.row("a.csv", 61, "good", null, "maybe", null));
        assertThatThrownBy(() -> survey(rows, 1))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith("a.csv row 61: ")
                .hasMessageContaining("[data.label.unseen]");
        assertThatThrownBy(() -> survey(List.of(), 1)).hasMessageContaining("[data.rows.none]");
    }
}
