package org.sparklora.driver.app;

import org.sparklora.driver.model.predict.KeyedModels;
import org.sparklora.driver.training.Console;

/** What the commands that apply the adapters of keys to rows tell about keys without an adapter. */
final class KeyedRows {

    private KeyedRows() {}

    /** Prints how many rows had no adapter of their own. Returns the number of those that no adapter computed. */
    static long warn(KeyedModels.Counters counters, String column, long rows) {
        long byFallback = counters.byFallback().value();
        long without = counters.withoutAdapter().value();
        String problem =
                "spark-lora: warning: %,d of %,d rows have no key in column '%s', or one without an adapter, and ";
        if (byFallback > 0) {
            Console.err(problem + "are computed by the fallback adapter", byFallback, rows, column);
        }
        if (without > 0) {
            Console.err(problem + "get no prediction", without, rows, column);
        }
        return without;
    }
}
