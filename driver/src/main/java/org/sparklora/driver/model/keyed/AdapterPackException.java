package org.sparklora.driver.model.keyed;

import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CodedException;

/** The index or a file of packed adapters is missing or damaged. Exit code 7. */
public final class AdapterPackException extends CodedException {

    private static final long serialVersionUID = 1L;

    AdapterPackException(String problem, @Nullable Throwable cause) {
        super("run.pack-damaged", problem + "; restore the run directory from a backup, or train again", cause);
    }
}
