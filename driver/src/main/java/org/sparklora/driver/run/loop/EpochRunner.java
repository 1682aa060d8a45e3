package org.sparklora.driver.run.loop;

import java.util.List;
import java.util.SortedMap;
import java.util.function.Consumer;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.data.Padding;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;

/** Where steps and predictions are computed: Spark, by one exchange or the other, or a test's own thread. */
public interface EpochRunner {

    /**
     * Sends a plan to the workers; the caller closes the epoch when its steps are done.
     *
     * @param state what the steps change; the driver's copy is the one that counts
     */
    Epoch open(EpochPlan plan, TrainState state, OptimizerSettings optimizer);

    /** The padding of a whole epoch's steps: of plan and data alone. */
    Padding padding(EpochPlan plan);

    /** Validation metrics by name with the adapter of this plan; empty where there is no validation data. */
    SortedMap<String, Double> evaluate(EpochPlan plan);

    /** The steps of one epoch. */
    interface Epoch extends AutoCloseable {

        /**
         * Runs consecutive steps; afterwards the state is as they left it. Where they stop on the way never changes a bit.
         *
         * @param from first step, within the epoch
         * @param to step to stop before, at the latest
         * @param firstGlobal global number of the epoch's step 0
         * @param done is told of steps, in order, once they count
         * @return the step after the last that was done; above {@code from}
         */
        int run(int from, int to, long firstGlobal, Consumer<List<StepReport>> done);

        /**
         * What the steps so far spent their time on: that of rank 0, or of tasks on average where each step is a job of its
         * own. Nothing where nobody measures.
         */
        default PhaseTimes times() {
            return PhaseTimes.NONE;
        }

        @Override
        void close();
    }
}
