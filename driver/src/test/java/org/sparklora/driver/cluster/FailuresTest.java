package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.CompletionException;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.SparkException;
import org.apache.spark.TaskFailedReason;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.worker.allreduce.PeerException;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.spark.CacheStorageException;
import scala.Option;
import scala.collection.immutable.List;
import scala.collection.immutable.List$;

/** Task end reasons as Spark's listeners get them; {@link RetriesTest} makes Spark report those that need no executor. */
class FailuresTest {

    /** A task that threw, and whose exception the driver can read. */
    static TaskFailedReason thrown(Throwable exception) {
        return new ExceptionFailure(exception, none());
    }

    /** A task that threw what the driver cannot read. */
    private static TaskFailedReason unreadable(String type, String message, String... frames) {
        StackTraceElement[] trace = new StackTraceElement[frames.length];
        for (int i = 0; i < frames.length; i++) {
            trace[i] = new StackTraceElement(frames[i], "run", "X.java", 1);
        }
        String text = type + ": " + message + "\n\tat " + String.join("\n\tat ", frames);
        return new ExceptionFailure(type, message, trace, text, Option.empty(), none(), none(), none());
    }

    private static <T> List<T> none() {
        return List$.MODULE$.empty();
    }

    @Test
    void aRankThatNamesAnotherIsQuoted() {
        String lost =
                "step 13: rank 1 (10.0.0.7:4000) is lost; due from it: its gradient; last heard of it: UP of step 12";
        assertThat(Failures.summary(TaskException.of(thrown(new PeerException(lost)))))
                .isEqualTo(lost);
    }

    @Test
    void aLostExecutorIsNamed() {
        ExecutorLostFailure lost = new ExecutorLostFailure("0", true, Option.apply("Command exited with code 137"));
        assertThat(Failures.summary(TaskException.of(lost)))
                .isEqualTo("executor 0 was lost: Command exited with code 137");
        assertThat(Failures.isFinal(TaskException.of(lost))).isFalse();
        assertThat(Failures.isDefect(TaskException.of(lost))).isFalse();
        assertThat(Failures.summary(TaskException.of(new ExecutorLostFailure("0", true, Option.empty()))))
                .isEqualTo("executor 0 was lost: for an unknown reason");
    }

    @Test
    void otherwiseTheFirstLineThatSaysSomething() {
        assertThat(Failures.summary(TaskException.of(thrown(new OutOfMemoryError("Java heap space")))))
                .isEqualTo("java.lang.OutOfMemoryError: Java heap space");
        assertThat(Failures.summary(TaskException.of(unreadable("a.B", "no\nmore", "a.C"))))
                .isEqualTo("a.B: no");
        assertThat(Failures.summary(new IllegalStateException("outer", new IllegalStateException("\n inner \n more"))))
                .isEqualTo("inner");
        assertThat(Failures.summary(new IllegalStateException())).isEqualTo("IllegalStateException");
    }

    @Test
    void whatAnotherAttemptWouldFindAgainIsFinal() {
        for (Throwable exception : java.util.List.of(
                new CacheStorageException("no room for 8 bytes", new IOException("full")),
                new CompletionException(new ModelException("model.directory", "no config.json")),
                new PeerException(
                        "step 4: rank 1 (host:1) failed: " + new ModelException("model.weights", "no such tensor")))) {
            assertThat(Failures.isFinal(TaskException.of(thrown(exception))))
                    .as("%s", exception)
                    .isTrue();
        }
        assertThat(Failures.isFinal(TaskException.of(unreadable(DataException.class.getName(), "no label"))))
                .isTrue();
        assertThat(Failures.isFinal(TaskException.of(thrown(new OutOfMemoryError("Java heap space")))))
                .isFalse();
        assertThat(Failures.isFinal(
                        new SparkException("Total size of serialized results of 4 tasks (2.0 KiB) is bigger than"
                                + " spark.driver.maxResultSize (1024.0 B)")))
                .isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "java.lang.NullPointerException;; org.sparklora.worker.train.TrainStep; true",
                "java.lang.IndexOutOfBoundsException; Index 3; jdk.internal.util.Preconditions; true",
                "ai.djl.engine.EngineException; index out of range in self; ai.djl.pytorch.jni.PyTorchLibrary; true",
                "ai.djl.engine.EngineException; not enough memory: you tried to allocate 8 bytes; ai.djl.X; false",
                "java.lang.IllegalStateException; Block broadcast_3 not found; org.apache.spark.storage.BlockManager; false",
                "java.lang.OutOfMemoryError; Java heap space; org.sparklora.worker.train.TrainStep; false",
                "java.io.IOException; No space left on device; org.sparklora.worker.spark.SegmentTask; false"
            })
    void exceptionsOfOurOwnCodeAreDefects(String thrown, String message, String frame, boolean defect) {
        TaskFailedReason reason =
                unreadable(thrown, String.valueOf(message), frame, "org.sparklora.worker.spark.SegmentTask");
        assertThat(Failures.isDefect(TaskException.of(reason))).isEqualTo(defect);
    }

    @Test
    void anExceptionOfOurCodeThatPassesOnAFaultOfTheMachineIsNoDefect() {
        assertThat(Failures.isDefect(TaskException.of(thrown(new IllegalStateException("a step without shards")))))
                .isTrue();
        for (Throwable cause :
                java.util.List.of(new IOException("disk"), new InterruptedException(), new OutOfMemoryError())) {
            assertThat(Failures.isDefect(TaskException.of(thrown(new IllegalStateException(cause)))))
                    .as("%s", cause)
                    .isFalse();
        }
    }

    @Test
    void aDefectThatAnotherRankReportsIsADefect() {
        String reported = "step 4: rank 1 (host:1) failed: ";
        assertThat(Failures.isDefect(
                        TaskException.of(thrown(new PeerException(reported + new IllegalStateException("x"))))))
                .isTrue();
        assertThat(Failures.isDefect(TaskException.of(thrown(new PeerException(reported + new IOException("x"))))))
                .isFalse();
    }

    @Test
    void anExceptionOfTheDriversOwnCodeIsADefectToo() {
        assertThat(Failures.isDefect(new IllegalStateException("a step without shards")))
                .isTrue();
        assertThat(Failures.isDefect(new IllegalStateException(new IOException("disk"))))
                .isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "Job 7 cancelled , true",
        "Job 7 cancelled as part of cancellation of all jobs, true",
        "Job 7 cancelled part of cancelled job group nightly, true",
        "[SPARK_JOB_CANCELLED] Job 7 cancelled because killed via the Web UI, true",
        "Job 7 cancelled because Stage 12 was cancelled, false",
        "Job aborted due to stage failure: Task 0 failed, false"
    })
    void whatAPersonCancelledIsToldFromWhatFailed(String message, boolean cancelled) {
        assertThat(Failures.isCancellation(new SparkException(message))).isEqualTo(cancelled);
    }
}
