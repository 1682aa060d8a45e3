package org.sparklora.driver.cluster;

import org.jspecify.annotations.Nullable;

/** Settings of Spark that cannot work, by themselves or with those of the job. Exit code 2. */
public final class SparkSettingsException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    SparkSettingsException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
