package org.sparklora.driver.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

class ExitCodeTest {

    @SuppressWarnings("InlineFormatString") // The text is easier to read apart.
    private static final String TRACE = """
            Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent failure: Lost task 0.3 in \
            stage 3.0 (TID 9) (10.0.0.7 executor 2): %s
            \tat org.sparklora.worker.encoder.BaseModel.weightsFile(BaseModel.java:137)
            \tat java.base/java.lang.Thread.run(Thread.java:840)

            Driver stacktrace:""";

    @Test
    void anErrorInATaskKeepsItsCodeAndItsLine() throws Exception {
        try (SparkSession spark = SparkSession.builder()
                .master("local[1]")
                .config("spark.ui.enabled", "false")
                .getOrCreate()) {
            JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
            Throwable ofRdd = catchThrowable(() -> context.parallelize(List.of(1))
                    .map(i -> {
                        throw new UsageException("model.file-missing", "/models/bert has no model.safetensors");
                    })
                    .collect());
            assertThat(ofRdd).isInstanceOf(SparkException.class);
            assertThat(ExitCode.of(ofRdd)).isEqualTo(ExitCode.MODEL);
            assertThat(ExitCode.message(ofRdd)).isEqualTo("/models/bert has no model.safetensors [model.file-missing]");

            MapFunction<Long, String> refuse = i -> {
                throw new UsageException("data.text.missing", "train.csv row 7: the text is missing");
            };
            Throwable ofTable = catchThrowable(
                    () -> spark.range(1).map(refuse, Encoders.STRING()).collect());
            assertThat(ExitCode.of(ofTable)).isEqualTo(ExitCode.DATA);
            assertThat(ExitCode.message(ofTable)).isEqualTo("train.csv row 7: the text is missing [data.text.missing]");
        }
    }

    @Test
    void alsoIfSparkPassesOnOnlyTheStackTrace() {
        SparkException lost =
                lost("org.sparklora.worker.spark.CacheStorageException: no room for 8 bytes [cluster.cache-full]");
        assertThat(ExitCode.of(lost)).isEqualTo(ExitCode.CLUSTER);
        assertThat(ExitCode.message(lost)).isEqualTo("no room for 8 bytes [cluster.cache-full]");
        lost = lost("org.sparklora.worker.contract.HostException: no natives; set it [settings.natives]");
        assertThat(ExitCode.of(lost)).isEqualTo(ExitCode.USAGE);
        lost = lost("org.sparklora.worker.encoder.ModelException: /models/bert is empty [model.file-missing]");
        assertThat(ExitCode.of(lost)).isEqualTo(ExitCode.MODEL);
        assertThat(ExitCode.message(lost)).isEqualTo("/models/bert is empty [model.file-missing]");
    }

    private static SparkException lost(String error) {
        return new SparkException(String.format(Locale.ROOT, TRACE, error));
    }

    @Test
    void otherErrorsOfSparkCountAsFailuresOfTheCluster() {
        SparkException lost = lost("java.lang.OutOfMemoryError: Java heap space");
        assertThat(ExitCode.of(new IllegalStateException(lost))).isEqualTo(ExitCode.CLUSTER);
        assertThat(ExitCode.message(lost))
                .contains("10.0.0.7 executor 2", "java.lang.OutOfMemoryError: Java heap space")
                .endsWith(" [cluster.job-failed]")
                .hasLineCount(1);
        Throwable stopped = new IllegalStateException("Cannot call methods on a stopped SparkContext.");
        assertThat(ExitCode.of(stopped)).isEqualTo(ExitCode.CLUSTER);
        assertThat(ExitCode.message(stopped)).contains("--resume").endsWith(" [cluster.stopped]");
    }

    @Test
    void anExceptionOfOurOwnCodeInATaskIsNoFailureOfTheCluster() {
        Throwable thrown = new IndexOutOfBoundsException("Index 3 out of bounds for length 2");
        SparkException lost = new SparkException(lost(thrown.toString()).getMessage(), thrown);
        assertThat(ExitCode.of(lost)).isEqualTo(ExitCode.INTERNAL);
        assertThat(ExitCode.message(lost))
                .contains("Index 3")
                .endsWith(" [internal.task]")
                .hasLineCount(1);
    }

    @Test
    void anUnexpectedErrorIsADefectInOneLine() {
        Throwable unexpected = new NullPointerException("a\n  b");
        assertThat(ExitCode.of(unexpected)).isEqualTo(ExitCode.INTERNAL);
        assertThat(ExitCode.message(unexpected))
                .contains("NullPointerException: a b", "--debug")
                .endsWith(" [internal.unexpected]")
                .hasLineCount(1);
    }

    @Test
    void errorsOfTheDriversMachineSayWhatToDo() {
        assertThat(ExitCode.message(new OutOfMemoryError("Java heap space")))
                .contains("Java heap space", "--driver-memory")
                .endsWith(" [internal.out-of-memory]");
        Throwable natives = new UnsatisfiedLinkError("no djl_torch in java.library.path");
        assertThat(ExitCode.message(natives))
                .contains("no djl_torch", "DJL_CACHE_DIR")
                .endsWith(" [settings.natives]");
        assertThat(ExitCode.of(natives)).isEqualTo(ExitCode.USAGE);
        Throwable full =
                new UncheckedIOException(new FileSystemException("activations", null, "No space left on device"));
        assertThat(ExitCode.message(full))
                .contains("activations: No space left on device")
                .endsWith(" [internal.io]")
                .doesNotContain("defect");
        assertThat(ExitCode.of(full)).isEqualTo(ExitCode.INTERNAL);
    }

    @Test
    void aPathThatIsNoneIsTheUsers() {
        Throwable path = catchThrowable(() -> Path.of("a\0b"));
        assertThat(ExitCode.message(path)).endsWith(" [usage.path]");
        assertThat(ExitCode.of(path)).isEqualTo(ExitCode.USAGE);
    }

    @Test
    void aUsageErrorHasACodeOnEachLine() {
        UsageException changes =
                UsageException.ofLines("usage.resume-job-changed", List.of("2 changes", "seed", "data"));
        assertThat(ExitCode.of(changes)).isEqualTo(ExitCode.USAGE);
        assertThat(ExitCode.message(changes).lines())
                .hasSize(3)
                .allMatch(line -> line.endsWith(" [usage.resume-job-changed]"));
    }
}
