package org.sparklora.driver.job.config;

import java.util.List;

/** Everything that is wrong with a file that a user wrote: one line, or where there are several problems one more line for each. */
public final class ConfigException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final List<String> problems;

    public ConfigException(String file, List<String> problems) {
        super(file + ": "
                + (problems.size() == 1
                        ? problems.get(0)
                        : problems.size() + " problems\n" + String.join("\n", problems)));
        this.problems = List.copyOf(problems);
    }

    /** One line each, in the order in which the file was read. */
    public List<String> problems() {
        return problems;
    }
}
