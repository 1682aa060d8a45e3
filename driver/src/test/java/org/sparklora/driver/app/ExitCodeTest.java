package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.List;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.worker.encoder.ModelException;

class ExitCodeTest {

    private static final String TRACE = """
            Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent failure: Lost task 0.3 in \
            stage 3.0 (TID 9) (10.0.0.7 executor 2): %s
            \tat org.sparklora.worker.encoder.BaseModel.weightsFile(BaseModel.java:137)
            \tat java.base/java.lang.Thread.run(Thread.java:840)

            Driver stacktrace:""";

    @Test
    void whatATaskThrewKeepsItsCodeAndItsLine() throws Exception {
        try (SparkSession spark = SparkSession.builder()
                .master("local[1]")
                .config("spark.ui.enabled", "false")
                .getOrCreate()) {
            JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
            Throwable ofRdd = catchThrowable(() -> context.parallelize(List.of(1))
                    .map(i -> {
                        throw new ModelException("model.directory", "/models/bert has no model.safetensors");
                    })
                    .collect());
            assertThat(ofRdd).isInstanceOf(SparkException.class);
            assertThat(ExitCode.of(ofRdd)).isEqualTo(ExitCode.MODEL);
            assertThat(ExitCode.message(ofRdd)).isEqualTo("/models/bert has no model.safetensors [model.directory]");

            MapFunction<Long, String> refuse = i -> {
                throw new DataException("train.csv row 7: the text is missing");
            };
            Throwable ofTable = catchThrowable(
                    () -> spark.range(1).map(refuse, Encoders.STRING()).collect());
            assertThat(ExitCode.of(ofTable)).isEqualTo(ExitCode.DATA);
            assertThat(ExitCode.message(ofTable)).isEqualTo("train.csv row 7: the text is missing");
        }
    }

    @Test
    void anExecutorWithoutRoomIsAFailureOfTheCluster() {
        SparkException full = new SparkException(
                TrainingJob.format(TRACE, "org.sparklora.worker.spark.NoRoomException: no room for 8 bytes"));
        assertThat(ExitCode.of(full)).isEqualTo(ExitCode.CLUSTER);
        assertThat(ExitCode.message(full)).isEqualTo("no room for 8 bytes");
    }

    @Test
    void alsoWhereOnlyTheTextOfTheTraceCameBack() {
        SparkException lost = new SparkException(TrainingJob.format(
                TRACE, "org.sparklora.worker.encoder.ModelException: /models/bert has no model.safetensors"));
        assertThat(ExitCode.of(lost)).isEqualTo(ExitCode.MODEL);
        assertThat(ExitCode.message(lost)).isEqualTo("/models/bert has no model.safetensors");
    }

    @Test
    void otherFailuresOfSparkAreTheClusters() {
        SparkException lost =
                new SparkException(TrainingJob.format(TRACE, "java.lang.OutOfMemoryError: Java heap space"));
        assertThat(ExitCode.of(new IllegalStateException(lost))).isEqualTo(ExitCode.CLUSTER);
        assertThat(ExitCode.message(lost))
                .isEqualTo("the Spark job failed: Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times,"
                        + " most recent failure: Lost task 0.3 in stage 3.0 (TID 9) (10.0.0.7 executor 2):"
                        + " java.lang.OutOfMemoryError: Java heap space; --debug shows all of it");
    }

    @Test
    void whatNobodyForesawIsADefectInOneLine() {
        assertThat(ExitCode.of(new NullPointerException("a\nb"))).isEqualTo(ExitCode.INTERNAL);
        assertThat(ExitCode.message(new NullPointerException("a\n  b")))
                .isEqualTo(
                        "unexpected NullPointerException: a b; this is a defect of spark-lora: run again with --debug"
                                + " and report the stack trace");
    }
}
