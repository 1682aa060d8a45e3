package org.sparklora.driver.run.loop;

import java.util.List;
import java.util.SortedMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Padding;
import org.sparklora.worker.train.StepReport;

/** Who wants to know what a run does: its history, its progress display. Called from the driver's thread, in order. */
public interface RunListener {

    /** A group moved. */
    void moved(StepPosition at, Transition transition);

    /** A group is declared from now on; it is dormant. */
    void added(StepPosition at, String group, String reason);

    /** Values, moments and step counts are again what they were at the end of an earlier epoch. */
    void restored(StepPosition at, int epoch, String reason);

    /** The policy ends the run before an epoch. */
    void stopped(StepPosition at, String reason);

    /**
     * An epoch begins.
     *
     * @param trainableParameters float32 values that are live, which is what each step exchanges
     * @param reason why the groups are in the state they are in
     */
    void epochStarts(EpochPlan plan, int trainableParameters, String reason);

    /**
     * An epoch that an earlier run began goes on; its beginning has been told.
     *
     * @param stepsDone steps of the epoch that the earlier run did
     */
    void epochGoesOn(EpochPlan plan, int trainableParameters, int stepsDone);

    /** Consecutive steps are done: one, or those of a whole segment. */
    void stepsDone(int epoch, List<StepReport> reports);

    /** An epoch is done, validation included. */
    void epochEnds(EpochResult result);

    /**
     * One epoch's outcome.
     *
     * @param metrics what it showed
     * @param padding of its steps
     * @param seconds durations by part, {@code total} included
     */
    record EpochResult(EpochMetrics metrics, Padding padding, SortedMap<String, Double> seconds) {

        public int epoch() {
            return metrics.epoch();
        }
    }
}
