package org.sparklora.driver.job.text;

import java.util.List;
import org.sparklora.worker.contract.CodedException;

/**
 * Everything that is wrong with something that a user wrote. A single problem is one line. Several problems follow the first
 * line, one line each, and have a code of their own together.
 */
public abstract class ProblemsException extends CodedException {

    private static final long serialVersionUID = 1L;

    private final List<String> problems;

    /**
     * Creates an error.
     *
     * @param codeOfSeveral the code if there are several problems
     * @param prefix begins the message
     */
    protected ProblemsException(String codeOfSeveral, String prefix, Problems problems) {
        super(problems.code(codeOfSeveral), prefix + problems.headline(), null);
        this.problems = problems.lines();
    }

    @Override
    public String getMessage() {
        String firstLine = String.valueOf(super.getMessage());
        return problems.size() == 1 ? firstLine : firstLine + "\n" + String.join("\n", problems);
    }

    /** One line for each problem, with its code, in the order in which they were found. */
    public List<String> problems() {
        return problems;
    }
}
