package org.sparklora.driver.job.manifest;

import java.util.List;

/** A job's groups do not fit the model, or a manifest file cannot be used. Carries every problem found. */
public final class ManifestException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final List<String> problems;

    public ManifestException(List<String> problems) {
        super(message(problems));
        this.problems = List.copyOf(problems);
    }

    /** One line each: what is wrong, where, what to do. */
    public List<String> problems() {
        return problems;
    }

    private static String message(List<String> problems) {
        return problems.size() == 1 ? problems.get(0) : problems.size() + " problems\n" + String.join("\n", problems);
    }
}
