package org.sparklora.driver.job.manifest;

import java.util.List;
import org.sparklora.driver.job.text.Problems;
import org.sparklora.worker.contract.CodedException;

/**
 * A job's groups do not fit the model, or a manifest file cannot be used. A single problem is one line. Several problems
 * follow the first line, one line each, and the code of the exception is {@code manifest.invalid}.
 */
public final class ManifestException extends CodedException {

    private static final long serialVersionUID = 1L;

    private final List<String> problems;

    public ManifestException(Problems problems) {
        super(problems.code("manifest.invalid"), problems.headline(), null);
        this.problems = problems.lines();
    }

    /** Creates an error of several lines that share one code. */
    public ManifestException(String code, List<String> lines) {
        this(withCode(code, lines));
    }

    private static Problems withCode(String code, List<String> lines) {
        Problems problems = new Problems();
        lines.forEach(line -> problems.add(code, line));
        return problems;
    }

    @Override
    public String getMessage() {
        return Problems.message(String.valueOf(super.getMessage()), problems);
    }

    /** One line for each problem, with its code. */
    public List<String> problems() {
        return problems;
    }
}
