package org.sparklora.driver.run.loop;

import java.util.List;
import java.util.SortedMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Padding;
import org.sparklora.worker.train.StepReport;

/** Receives the events of a run, for its history and its progress display. Called from the driver's thread, in order. */
public interface RunListener {

    /** A group froze or thawed. */
    void moved(StepPosition at, Transition transition);

    /** An event declared a group, which is dormant until an event thaws it. */
    void added(StepPosition at, String group, String reason);

    /** Values, moments and step counts are those of the end of an earlier epoch again. */
    void restored(StepPosition at, int epoch, String reason);

    /** The policy ends the run before an epoch. */
    void stopped(StepPosition at, String reason);

    /**
     * An epoch begins.
     *
     * @param reason why the groups are in their states
     */
    void epochStarts(EpochPlan plan, String reason);

    /**
     * A resumed run continues an epoch whose start an earlier run reported.
     *
     * @param stepsDone steps of the epoch that the earlier run did
     */
    void epochResumes(EpochPlan plan, int stepsDone);

    /** Consecutive steps are committed: one, or those of a whole segment. */
    void stepsDone(int epoch, List<StepReport> reports);

    /** An epoch is done, validation included. */
    void epochEnds(EpochResult result);

    /**
     * The outcome of an epoch.
     *
     * @param padding of its steps
     * @param seconds durations by part, {@code total} included
     */
    record EpochResult(EpochMetrics metrics, Padding padding, SortedMap<String, Double> seconds) {

        public int epoch() {
            return metrics.epoch();
        }
    }
}
