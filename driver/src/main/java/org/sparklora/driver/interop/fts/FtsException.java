package org.sparklora.driver.interop.fts;

import java.util.List;

/** A schedule of finetuning-scheduler cannot be used: one line, or where there are several problems one more for each. */
public final class FtsException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final List<String> problems;

    FtsException(String file, List<String> problems) {
        super(file + ": "
                + (problems.size() == 1
                        ? problems.get(0)
                        : problems.size() + " problems\n" + String.join("\n", problems)));
        this.problems = List.copyOf(problems);
    }

    /** One line each: which key, what is wrong, what to do. */
    public List<String> problems() {
        return problems;
    }
}
