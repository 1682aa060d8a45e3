package org.sparklora.driver.job.manifest;

import java.util.List;
import org.sparklora.driver.job.text.Problems;
import org.sparklora.driver.job.text.ProblemsException;

/**
 * A job's groups do not fit the model, or a manifest file cannot be used. The code of several problems is {@code
 * manifest.invalid}.
 */
public final class ManifestException extends ProblemsException {

    private static final long serialVersionUID = 1L;

    public ManifestException(Problems problems) {
        super("manifest.invalid", "", problems);
    }

    /** Creates an error of several lines that share one code. */
    public ManifestException(String code, List<String> lines) {
        this(Problems.of(code, lines));
    }
}
