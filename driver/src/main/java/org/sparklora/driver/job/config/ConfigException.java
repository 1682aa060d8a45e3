package org.sparklora.driver.job.config;

import java.util.List;
import org.sparklora.driver.job.text.Problems;
import org.sparklora.worker.contract.CodedException;

/**
 * Everything that is wrong with a file that a user wrote. A single problem is one line. Several problems follow the first
 * line, one line each, and the code of the exception is {@code config.invalid}.
 */
public final class ConfigException extends CodedException {

    private static final long serialVersionUID = 1L;

    private final List<String> problems;

    /** @param file begins the message */
    public ConfigException(String file, Problems problems) {
        super(problems.code("config.invalid"), file + ": " + problems.headline(), null);
        this.problems = problems.lines();
    }

    @Override
    public String getMessage() {
        return Problems.message(String.valueOf(super.getMessage()), problems);
    }

    /** One line for each problem, with its code, in the order in which the file was read. */
    public List<String> problems() {
        return problems;
    }
}
