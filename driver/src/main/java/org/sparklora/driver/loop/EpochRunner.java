package org.sparklora.driver.loop;

import java.util.SortedMap;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.train.GradientExchange;

/** Where gradients and predictions are computed: Spark, or a test's own thread. */
public interface EpochRunner {

    /** Sends a plan to the workers; the caller closes the epoch when its steps are done. */
    Epoch open(EpochPlan plan);

    /** Validation metrics by name with the adapter of this plan; empty where there is no validation data. */
    SortedMap<String, Double> evaluate(EpochPlan plan);

    /** One epoch's exchange. */
    interface Epoch extends GradientExchange, AutoCloseable {
        @Override
        void close();
    }
}
