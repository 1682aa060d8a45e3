package org.sparklora.driver.run.loop;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.worker.train.TrainStateSnapshot;

/**
 * A moment between two steps of a run: all that the rest of the run hangs on, besides job, model and data. Immutable.
 *
 * @param state what training has changed so far
 * @param seen what the finished epochs showed, in order; its size is the epoch that comes next or is under way
 * @param part what of that epoch is done
 * @param stepsDone steps of the whole run so far
 * @param memory states of earlier epochs that may still be needed
 */
public record TrainingCheckpoint(
        TrainStateSnapshot state, List<EpochMetrics> seen, EpochPart part, long stepsDone, Memory memory) {

    public TrainingCheckpoint {
        seen = List.copyOf(seen);
    }

    /**
     * States of earlier epochs.
     *
     * @param best the result as of the best epoch so far; empty where no run watches for one, or before the first
     * @param kept what the policy may restore; empty where it restores nothing
     */
    public record Memory(Optional<TrainingLoop.Result> best, Optional<Kept> kept) {

        /** Nothing is needed. */
        public static final Memory NONE = new Memory(Optional.empty(), Optional.empty());
    }

    /**
     * What of an epoch is done.
     *
     * @param stepsDone 0: the epoch has not begun, and its policy has not been asked
     * @param lossSum sum over the done steps of mean loss times examples
     * @param norms by group that was live at any of them: its gradient's norm
     */
    public record EpochPart(int stepsDone, double lossSum, SortedMap<String, NormSum> norms) {

        /** Nothing yet. */
        public static final EpochPart NONE = new EpochPart(0, 0.0, Collections.emptySortedMap());

        public EpochPart {
            norms = Collections.unmodifiableSortedMap(new TreeMap<>(norms));
            if (stepsDone < 0) {
                throw new IllegalArgumentException("an epoch cannot have " + stepsDone + " steps done");
            }
        }
    }

    /** Gradient norms of one group, added up over the steps at which it was live. */
    public record NormSum(double sum, int steps) {

        static NormSum of(float norm) {
            return new NormSum(norm, 1);
        }

        NormSum plus(NormSum other) {
            return new NormSum(sum + other.sum, steps + other.steps);
        }

        double mean() {
            return sum / steps;
        }
    }

    /**
     * The training state at the end of an epoch, which a policy may want to go back to.
     *
     * @param epoch from 0
     */
    public record Kept(int epoch, TrainStateSnapshot state) {}

    /** Before the first epoch. */
    static TrainingCheckpoint start(TrainStateSnapshot state) {
        return new TrainingCheckpoint(state, List.of(), EpochPart.NONE, 0, Memory.NONE);
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
