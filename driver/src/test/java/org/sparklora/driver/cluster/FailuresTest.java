package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.spark.SparkException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Texts as Spark 3.5 writes them; {@link RetriesTest} makes Spark write those that do not need executors. */
class FailuresTest {

    private static SparkException barrier(String reason) {
        return new SparkException(
                "Job aborted due to stage failure: Could not recover from a failed barrier ResultStage."
                        + " Most recent failure reason: Stage failed because barrier task ResultTask(81, 0) finished"
                        + " unsuccessfully.\n" + reason);
    }

    @Test
    void aRankThatNamesAnotherIsQuoted() {
        assertThat(Failures.summary(barrier(
                        "org.sparklora.worker.allreduce.PeerException: step 13: rank 1 (10.0.0.7:4000) is lost; due from it:"
                                + " its gradient; last heard of it: UP of step 12\n\tat org.sparklora.Somewhere\n")))
                .isEqualTo("step 13: rank 1 (10.0.0.7:4000) is lost; due from it: its gradient; last heard of it: UP of"
                        + " step 12");
    }

    @Test
    void aLostExecutorIsNamedInBothExchanges() {
        String reason = "ExecutorLostFailure (executor 0 exited caused by one of the running tasks) Reason: Command"
                + " exited with code 137";
        String said = "executor 0 was lost: Command exited with code 137";
        assertThat(Failures.summary(barrier(reason))).isEqualTo(said);
        assertThat(Failures.summary(new SparkException("Job aborted due to stage failure: Task 0 in stage 3.0 failed 4"
                        + " times, most recent failure: Lost task 0.3 in stage 3.0 (TID 9) (10.0.0.7 executor 0): "
                        + reason + "\nDriver stacktrace:")))
                .isEqualTo(said);
    }

    @Test
    void otherwiseTheFirstLineThatSaysSomething() {
        assertThat(Failures.summary(barrier("java.lang.OutOfMemoryError: Java heap space\n\tat a.B.c(D.java:1)")))
                .isEqualTo("java.lang.OutOfMemoryError: Java heap space");
        assertThat(Failures.summary(new IllegalStateException("outer", new IllegalStateException("\n inner \n more"))))
                .isEqualTo("inner");
        assertThat(Failures.summary(new IllegalStateException())).isEqualTo("IllegalStateException");
    }

    @ParameterizedTest
    @CsvSource({
        "org.sparklora.worker.spark.CacheStorageException: no room for 8 bytes, true",
        "org.sparklora.worker.encoder.ModelException: no config.json, true",
        "org.sparklora.worker.contract.HostException: no natives, true",
        "java.lang.OutOfMemoryError: Java heap space, false"
    })
    void whatAnotherAttemptWouldFindAgainIsFinal(String reason, boolean isFinal) {
        assertThat(Failures.isFinal(barrier(reason + "\n\tat a.B.c(D.java:1)\n")))
                .isEqualTo(isFinal);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "java.lang.NullPointerException; org.sparklora.worker.train.TrainStep.run; true",
                "java.lang.IndexOutOfBoundsException: Index 3; jdk.internal.util.Preconditions.outOfBounds; true",
                "ai.djl.engine.EngineException: index out of range in self; ai.djl.pytorch.jni.PyTorchLibrary.torchEmbedding; true",
                "ai.djl.engine.EngineException: not enough memory: you tried to allocate 8 bytes; ai.djl.X.y; false",
                "java.lang.IllegalStateException: Block broadcast_3 not found; org.apache.spark.storage.BlockManager.get; false",
                "java.lang.OutOfMemoryError: Java heap space; org.sparklora.worker.train.TrainStep.run; false",
                "java.io.IOException: No space left on device; org.sparklora.worker.spark.SegmentTask.call; false"
            })
    void exceptionsOfOurOwnCodeAreDefects(String thrown, String frame, boolean defect) {
        String ours = "\n\tat org.sparklora.worker.spark.SegmentTask.call(SegmentTask.java:1)\n";
        String trace = thrown + "\n\tat " + frame + "(X.java:1)";
        assertThat(Failures.isDefect(barrier(trace + ours))).isEqualTo(defect);
        assertThat(Failures.isDefect(new SparkException("Job aborted due to stage failure: Task 0 in stage 3.0 failed 1"
                        + " times, most recent failure: Lost task 0.0 in stage 3.0 (TID 9) (host executor driver): "
                        + trace + ours
                        + "\nDriver stacktrace:")))
                .isEqualTo(defect);
        String interrupted =
                ours + "Caused by: java.lang.InterruptedException\n\tat java.base/java.lang.Object.wait(Native)\n";
        assertThat(Failures.isDefect(barrier(trace + interrupted))).isFalse();
    }

    @Test
    void anExceptionOfTheDriversOwnCodeIsADefectToo() {
        assertThat(Failures.isDefect(new IllegalStateException("a step without shards")))
                .isTrue();
        assertThat(Failures.isDefect(new IllegalStateException(new java.io.IOException("disk"))))
                .isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "Job 7 cancelled , true",
        "Job 7 cancelled as part of cancellation of all jobs, true",
        "Job 7 cancelled part of cancelled job group nightly, true",
        "Job 7 cancelled because killed via the Web UI, true",
        "Job 7 cancelled because Stage 12 was cancelled, false",
        "Job aborted due to stage failure: Task 0 failed, false"
    })
    void whatAPersonCancelledIsToldFromWhatFailed(String message, boolean cancelled) {
        assertThat(Failures.isCancellation(new SparkException(message))).isEqualTo(cancelled);
    }
}
