package org.sparklora.driver.app;

import java.util.Optional;
import org.apache.spark.SparkException;
import org.sparklora.driver.config.ConfigException;
import org.sparklora.driver.data.DataException;
import org.sparklora.driver.interop.PeftException;
import org.sparklora.driver.manifest.ManifestException;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.SafetensorsException;
import org.sparklora.worker.train.DivergedException;

/** What the process ends with. Clear of Spark's own 50 to 52. */
enum ExitCode {
    OK(0),
    /** Not foreseen: a defect of spark-lora. */
    INTERNAL(1),
    USAGE(2),
    DATA(3),
    MODEL(4),
    DIVERGED(5),
    CLUSTER(6),
    CANCELLED(130);

    private final int code;

    ExitCode(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    /** The code of a failure: that of the first cause that has one. */
    static ExitCode of(Throwable failure) {
        return known(failure).map(ExitCode::codeOf).orElse(INTERNAL);
    }

    /** One line, or one line a problem, for a person. */
    static String message(Throwable failure) {
        Optional<Throwable> known = known(failure);
        if (known.isEmpty()) {
            return "unexpected " + failure.getClass().getSimpleName() + ": " + failure.getMessage()
                    + "; this is a defect of spark-lora: run again with --debug and report the stack trace";
        }
        String message = String.valueOf(known.get().getMessage());
        if (codeOf(known.get()) == CLUSTER) {
            // Spark puts the whole trace of the task into its message; the first line says what happened.
            return "the Spark job failed: " + message.lines().findFirst().orElse("without a message")
                    + "; --debug shows all of it";
        }
        return message;
    }

    private static Optional<Throwable> known(Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (codeOf(t) != INTERNAL) {
                return Optional.of(t);
            }
        }
        return Optional.empty();
    }

    private static ExitCode codeOf(Throwable t) {
        if (t instanceof UsageException || t instanceof ConfigException || t instanceof ManifestException) {
            return USAGE;
        }
        if (t instanceof DataException) {
            return DATA;
        }
        if (t instanceof ModelException || t instanceof SafetensorsException || t instanceof PeftException) {
            return MODEL;
        }
        if (t instanceof DivergedException) {
            return DIVERGED;
        }
        return t instanceof SparkException ? CLUSTER : INTERNAL;
    }
}
