package org.sparklora.driver.loop;

import java.util.List;
import java.util.Optional;
import org.sparklora.driver.freeze.EpochMetrics;
import org.sparklora.worker.train.TrainStateSnapshot;

/**
 * A moment between two steps of a run: all that the rest of the run hangs on, besides job, model and data. Immutable.
 *
 * @param state what training has changed so far
 * @param seen what the finished epochs showed, in order; its size is the epoch that comes next or is under way
 * @param part what of that epoch is done
 * @param stepsDone steps of the whole run so far
 * @param best the result as of the best epoch so far; empty where no run watches for one, or before the first
 */
public record RunPoint(
        TrainStateSnapshot state,
        List<EpochMetrics> seen,
        EpochPart part,
        long stepsDone,
        Optional<TrainingLoop.Result> best) {

    public RunPoint {
        seen = List.copyOf(seen);
    }

    /**
     * What of an epoch is done.
     *
     * @param stepsDone 0: the epoch has not begun, and its policy has not been asked
     * @param lossSum sum over the done steps of mean loss times examples
     */
    public record EpochPart(int stepsDone, double lossSum) {

        /** Nothing yet. */
        public static final EpochPart NONE = new EpochPart(0, 0.0);

        public EpochPart {
            if (stepsDone < 0) {
                throw new IllegalArgumentException("an epoch cannot have " + stepsDone + " steps done");
            }
        }
    }

    /** Before the first epoch. */
    static RunPoint start(TrainStateSnapshot state) {
        return new RunPoint(state, List.of(), EpochPart.NONE, 0, Optional.empty());
    }

    /** Epochs that are done. */
    public int epochsDone() {
        return seen.size();
    }

    /** The epoch whose decision comes next: an epoch that is under way is decided. */
    public int nextDecision() {
        return part.stepsDone() == 0 ? seen.size() : seen.size() + 1;
    }
}
