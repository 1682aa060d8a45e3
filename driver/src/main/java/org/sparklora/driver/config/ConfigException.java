package org.sparklora.driver.config;

import java.util.List;

/** Everything that is wrong with a job file; the message has one line for the file and one for each problem. */
public final class ConfigException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final List<String> problems;

    ConfigException(String file, List<String> problems) {
        super(file + ": " + problems.size() + (problems.size() == 1 ? " problem" : " problems") + "\n"
                + String.join("\n", problems));
        this.problems = List.copyOf(problems);
    }

    /** One line each, in the order in which the file was read. */
    public List<String> problems() {
        return problems;
    }
}
