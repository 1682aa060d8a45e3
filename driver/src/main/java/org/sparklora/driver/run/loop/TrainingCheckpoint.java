package org.sparklora.driver.run.loop;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainStateSnapshot;

/**
 * The state of a run between two steps. With job, model and data it determines the rest of the run. Immutable.
 *
 * @param state what training has changed so far
 * @param seen metrics of the finished epochs, in order; the size is the index of the current epoch
 * @param progress the finished part of the current epoch
 * @param stepsDone steps of the whole run so far
 * @param earlier states of earlier epochs that the run may still need
 */
public record TrainingCheckpoint(
        TrainStateSnapshot state,
        List<EpochMetrics> seen,
        EpochProgress progress,
        long stepsDone,
        EarlierStates earlier) {

    public TrainingCheckpoint {
        seen = List.copyOf(seen);
    }

    /**
     * States of earlier epochs.
     *
     * @param best the result of the best epoch so far; empty if the run does not look for it, or before the first
     * @param restorePoint the state that the policy may restore; empty if it restores none
     */
    public record EarlierStates(Optional<TrainingLoop.Result> best, Optional<RestorePoint> restorePoint) {

        /** None is needed. */
        public static final EarlierStates NONE = new EarlierStates(Optional.empty(), Optional.empty());
    }

    /**
     * The training state at the end of an epoch.
     *
     * @param epoch from 0
     */
    public record RestorePoint(int epoch, TrainStateSnapshot state) {}

    /**
     * The finished part of an epoch.
     *
     * @param stepsDone 0 if the epoch has not begun and its policy has not decided; all steps of the epoch if only its
     *     validation is left
     * @param lossSum sum over these steps of mean loss times weight
     * @param weight sum over these steps of the weights by which a step's loss is divided
     * @param padding of these steps
     * @param gradientNorms by group that was live in any of them: its gradient norms
     */
    public record EpochProgress(
            int stepsDone, double lossSum, double weight, Padding padding, SortedMap<String, NormSum> gradientNorms) {

        /** The start of an epoch. */
        public static final EpochProgress NONE =
                new EpochProgress(0, 0.0, 0.0, Padding.NONE, Collections.emptySortedMap());

        public EpochProgress {
            gradientNorms = Collections.unmodifiableSortedMap(new TreeMap<>(gradientNorms));
            if (stepsDone < 0) {
                throw new IllegalArgumentException("an epoch cannot have " + stepsDone + " steps done");
            }
        }

        /** This progress and one more step. */
        EpochProgress plus(StepReport step) {
            TreeMap<String, NormSum> sums = new TreeMap<>(gradientNorms);
            step.groups()
                    .forEach((group, report) -> sums.merge(group, new NormSum(report.gradNorm(), 1), NormSum::plus));
            return new EpochProgress(
                    stepsDone + 1,
                    lossSum + step.loss() * step.rows().weight(),
                    weight + step.rows().weight(),
                    padding.plus(step.rows().padding()),
                    sums);
        }

        /** Fills in the weight in a checkpoint of 0.1.0, whose loss sum counts each step by its examples. */
        EpochProgress weighed(ShardPlan shards) {
            boolean older = weight == 0 && lossSum != 0;
            double examples = shards.examplesUntil(stepsDone);
            return new EpochProgress(stepsDone, lossSum, older ? examples : weight, padding, gradientNorms);
        }

        /** The mean loss of these steps; 0 if all weights are. */
        double meanLoss() {
            return weight == 0 ? 0 : lossSum / weight;
        }

        /** By group that was live: the mean of its gradient norm over the steps in which it was. */
        SortedMap<String, Double> meanNorms() {
            TreeMap<String, Double> means = new TreeMap<>();
            gradientNorms.forEach((group, sum) -> means.put(group, sum.sum() / sum.steps()));
            return means;
        }
    }

    /** The sum of one group's gradient norms over the steps in which it was live. */
    public record NormSum(double sum, int steps) {

        NormSum plus(NormSum other) {
            return new NormSum(sum + other.sum, steps + other.steps);
        }
    }

    /** The checkpoint before the first epoch. */
    static TrainingCheckpoint start(TrainStateSnapshot state) {
        return new TrainingCheckpoint(state, List.of(), EpochProgress.NONE, 0, EarlierStates.NONE);
    }

    /** Number of finished epochs. */
    public int epochsDone() {
        return seen.size();
    }

    /** The next epoch for which the policy decides: not the current one if some of its steps are done. */
    public int nextDecision() {
        return progress.stepsDone() == 0 ? seen.size() : seen.size() + 1;
    }
}
