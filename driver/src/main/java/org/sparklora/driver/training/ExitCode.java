package org.sparklora.driver.training;

import java.util.Map;
import org.apache.spark.SparkException;
import org.sparklora.driver.cluster.QuotedException;
import org.sparklora.driver.cluster.RankMismatchException;
import org.sparklora.driver.cluster.SparkSettingsException;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.driver.job.config.ConfigException;
import org.sparklora.driver.job.manifest.ManifestException;
import org.sparklora.driver.model.peft.PeftException;
import org.sparklora.driver.run.checkpoint.CheckpointException;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.loop.CancelledException;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.driver.watch.verify.CorruptRunException;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.WeightsException;
import org.sparklora.worker.spark.CacheStorageException;
import org.sparklora.worker.train.DivergedException;

/** What the process ends with. Clear of Spark's own 50 to 52. */
public enum ExitCode {
    OK(0),
    /** Not foreseen: a defect of spark-lora. */
    INTERNAL(1),
    USAGE(2),
    DATA(3),
    MODEL(4),
    DIVERGED(5),
    CLUSTER(6),
    /** A checkpoint or another file of a run is damaged. */
    CHECKPOINT(7),
    VERIFY(8),
    CANCELLED(130);

    private final int code;

    ExitCode(int code) {
        this.code = code;
    }

    public int code() {
        return code;
    }

    /** What our exceptions mean. */
    private static final Map<Class<? extends Throwable>, ExitCode> CODES = Map.ofEntries(
            Map.entry(UsageException.class, USAGE),
            Map.entry(ConfigException.class, USAGE),
            Map.entry(ManifestException.class, USAGE),
            Map.entry(OutputException.class, USAGE),
            Map.entry(SparkSettingsException.class, USAGE),
            Map.entry(DataException.class, DATA),
            Map.entry(ModelException.class, MODEL),
            Map.entry(WeightsException.class, MODEL),
            Map.entry(PeftException.class, MODEL),
            Map.entry(DivergedException.class, DIVERGED),
            Map.entry(ClusterException.class, CLUSTER),
            Map.entry(CacheStorageException.class, CLUSTER),
            Map.entry(CancelledException.class, CANCELLED),
            Map.entry(RankMismatchException.class, CLUSTER),
            Map.entry(CheckpointException.class, CHECKPOINT),
            Map.entry(CorruptRunException.class, CHECKPOINT));

    /** What Spark says to a program whose application has ended. */
    private static final String STOPPED = "stopped SparkContext";

    /** The code of a failure: that of the first of its causes that is ours, also where Spark brought it from a task. */
    public static ExitCode of(Throwable failure) {
        return explain(failure).code;
    }

    /** One line, or where a job file has several problems a line for each as well. */
    public static String message(Throwable failure) {
        return explain(failure).message;
    }

    private record Explained(ExitCode code, String message) {}

    private static Explained explain(Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            ExitCode code = CODES.get(t.getClass());
            if (code != null) {
                String message = String.valueOf(t.getMessage());
                return new Explained(code, code == USAGE ? message : oneLine(message));
            }
        }
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (t instanceof SparkException) {
                return ofSpark(String.valueOf(t.getMessage()));
            }
            if (t instanceof IllegalStateException
                    && String.valueOf(t.getMessage()).contains(STOPPED)) {
                return new Explained(
                        CLUSTER,
                        "the Spark application was stopped under way, as when somebody ends it or its cluster goes: the log"
                                + " says more. Run again with --resume");
            }
        }
        return new Explained(
                INTERNAL,
                "unexpected " + failure.getClass().getSimpleName() + ": "
                        + oneLine(String.valueOf(failure.getMessage()))
                        + "; this is a defect of spark-lora: run again with --debug and report the stack trace");
    }

    /** A failed job whose cause did not travel: Spark's message holds the task's whole trace. */
    private static Explained ofSpark(String message) {
        for (QuotedException quoted : QuotedException.in(message)) {
            for (Map.Entry<Class<? extends Throwable>, ExitCode> known : CODES.entrySet()) {
                if (known.getKey().getName().equals(quoted.type())) {
                    return new Explained(known.getValue(), quoted.message());
                }
            }
        }
        String first = message.lines().findFirst().orElse("without a message");
        return new Explained(CLUSTER, "the Spark job failed: " + first + "; --debug shows all of it");
    }

    private static String oneLine(String message) {
        return message.strip().replaceAll("\\s*\\R\\s*", " ");
    }
}
