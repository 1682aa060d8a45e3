package org.sparklora.driver.job.config;

import org.sparklora.driver.job.text.Problems;
import org.sparklora.driver.job.text.ProblemsException;

/** Everything that is wrong with a file that a user wrote. The code of several problems is {@code config.invalid}. */
public final class ConfigException extends ProblemsException {

    private static final long serialVersionUID = 1L;

    /** @param file begins the message */
    public ConfigException(String file, Problems problems) {
        super("config.invalid", file + ": ", problems);
    }
}
