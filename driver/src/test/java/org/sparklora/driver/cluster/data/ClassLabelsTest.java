package org.sparklora.driver.cluster.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.config.Task;

class ClassLabelsTest {

    @Test
    void oneAndOnePointZeroAreOneLabel() {
        ClassLabels whole = ClassLabels.of(List.of("0", "1", "v1"));
        assertThat(whole.encode("1.0")).isEqualTo(1);
        assertThat(whole.encode("0")).isZero();
        assertThat(whole.problem("1.5")).isPresent();
        assertThat(whole.problem("v1.0")).isPresent();
        assertThat(whole.problem("-1.0")).isPresent();
        ClassLabels fractions = ClassLabels.of(List.of("-1.0", "1.0"));
        assertThat(fractions.encode("-1")).isZero();
        assertThat(fractions.encode("1")).isEqualTo(1);
        // If both are declared, they are two labels.
        assertThat(ClassLabels.of(List.of("1", "1.0")).encode("1.0")).isEqualTo(1);
    }

    @Test
    void tagsMustHaveNames() {
        SparkSession spark = LocalSpark.start();
        try {
            Dataset<Row> numbers = LocalSpark.table(
                    spark, List.of(LocalSpark.row("a.jsonl", 1, "[\"x\",\"y\"]", null, "[\"0\",\"3\"]", null)));
            assertThatThrownBy(() -> ClassLabels.learn(Task.TOKEN_CLASSIFICATION, numbers, "a.jsonl"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("a.jsonl", "0", "3", "[data.tags.numbers]");
            // Labels of sets may be numbers.
            assertThat(ClassLabels.learn(Task.MULTI_LABEL, numbers, "a.jsonl")).containsExactly("0", "3");
        } finally {
            spark.stop();
        }
    }
}
