package org.sparklora.driver.run.loop;

import java.util.List;
import java.util.SortedMap;
import java.util.function.Consumer;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;

/** Computes steps and predictions: on Spark, with one of two exchanges, or in a test's own thread. */
public interface EpochRunner {

    /**
     * Sends a plan to the workers. The caller closes the epoch when its steps are done.
     *
     * @param state the driver's training state, which the steps change
     */
    Epoch open(EpochPlan plan, TrainState state, OptimizerSettings optimizer);

    /** Whether there is validation data. */
    boolean validates();

    /**
     * Validation metrics by name with the adapter of this plan; empty without validation data.
     *
     * @param stepsDone of the run, for messages
     */
    SortedMap<String, Double> evaluate(EpochPlan plan, long stepsDone);

    /** The steps of one epoch. */
    interface Epoch extends AutoCloseable {

        /**
         * Runs consecutive steps and updates the state. Where a call stops never changes a bit.
         *
         * @param from first step, within the epoch
         * @param to end of the range, exclusive
         * @param firstGlobal global number of the epoch's step 0
         * @param done receives steps, in order, once they are committed
         * @return the step after the last that was done; above {@code from}
         */
        int run(int from, int to, long firstGlobal, Consumer<List<StepReport>> done);

        /**
         * How the steps so far spent their time: that of rank 0, or the mean over tasks if each step is a job of its own;
         * empty if it is not measured.
         */
        default PhaseTimes times() {
            return PhaseTimes.NONE;
        }

        @Override
        void close();
    }
}
