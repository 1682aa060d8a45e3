package org.sparklora.driver.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.model.keyed.AdapterIndex;
import org.sparklora.driver.model.predict.KeyedModels;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.UsageException;

/** What commands tell about runs with an adapter for each key. */
final class KeyedRows {

    private KeyedRows() {}

    /** The directory of a run, for a command that works on one adapter and its history. */
    static RunDirectory ofOneAdapter(String command, String run) {
        RunDirectory directory = Locations.directory(run);
        try {
            if (directory.exists(AdapterIndex.FILE)) {
                throw new UsageException(
                        "usage.adapter",
                        command + " works on runs with one adapter, but the run in " + run
                                + " has one for each key; see " + AdapterIndex.FILE + " there, and history.jsonl");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(run + " cannot be read", e);
        }
        return directory;
    }

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
