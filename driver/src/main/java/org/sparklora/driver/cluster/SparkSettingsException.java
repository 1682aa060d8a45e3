package org.sparklora.driver.cluster;

import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CodedException;

/** Spark's settings are invalid, or do not fit the job's. Exit code 2. */
public final class SparkSettingsException extends CodedException {

    private static final long serialVersionUID = 1L;

    SparkSettingsException(String code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
    }
}
