package org.sparklora.driver.run.loop;

import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EpochPart;
import org.sparklora.driver.run.loop.TrainingCheckpoint.NormSum;
import org.sparklora.driver.run.loop.TrainingLoop.TrainingSettings;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.train.StepReport;

/**
 * The steps of one epoch, from the first or from where an earlier run stopped. The policy may move groups between two
 * steps: there the plan ends and the next one begins. A checkpoint at such a step is older than the move.
 */
final class EpochExecution {

    private final RunState standing;
    private final GroupTransitions groups;
    private final TrainingSettings recipe;
    private final RunListener listener;
    private final SortedSet<Integer> stops;
    private final SortedMap<String, NormSum> norms;
    private double lossSum;
    private PhaseTimes times = PhaseTimes.NONE;
    private int done;

    EpochExecution(
            RunState standing, EpochPart from, GroupTransitions groups, TrainingSettings recipe, RunListener listener) {
        this.standing = standing;
        this.groups = groups;
        this.recipe = recipe;
        this.listener = listener;
        this.stops = recipe.policy().stops(standing.epoch(), recipe.shards().stepsPerEpoch());
        this.norms = new TreeMap<>(from.norms());
        this.lossSum = from.lossSum();
        this.done = from.stepsDone();
    }

    /** Runs what is left of the epoch. */
    void run(EpochRunner runner, Checkpointer checkpointer) {
        int steps = recipe.shards().stepsPerEpoch();
        while (done < steps) {
            // Before the first step the loop has asked already.
            if (done > 0 && stops.contains(done)) {
                groups.decide(standing, done);
            }
            SortedSet<Integer> ahead = stops.tailSet(done + 1);
            runTo(ahead.isEmpty() ? steps : ahead.first(), runner, checkpointer);
        }
    }

    /** Runs steps that have one plan, with a halt wherever a checkpoint is due. */
    private void runTo(int end, EpochRunner runner, Checkpointer checkpointer) {
        int steps = recipe.shards().stepsPerEpoch();
        EpochPlan plan = standing.plan(recipe);
        long firstGlobal = (long) plan.epoch() * steps;
        try (EpochRunner.Epoch epoch = runner.open(plan, standing.state(), recipe.optimizer())) {
            while (done < end) {
                int stop = done + 1;
                while (stop < end && !checkpointer.wants(firstGlobal + stop)) {
                    stop++;
                }
                done = epoch.run(done, stop, firstGlobal, reports -> {
                    reports.forEach(this::count);
                    listener.stepsDone(plan.epoch(), reports);
                });
                if (done < steps && checkpointer.wants(firstGlobal + done)) {
                    checkpointer.reached(standing.point(new EpochPart(done, lossSum, norms)));
                }
            }
            times = times.plus(epoch.times());
        }
    }

    /** What the steps done here spent their time on; nothing where nobody measures. */
    PhaseTimes times() {
        return times;
    }

    private void count(StepReport report) {
        lossSum += (double) report.loss() * report.examples();
        report.groups().forEach((group, mine) -> norms.merge(group, NormSum.of(mine.gradNorm()), NormSum::plus));
    }

    /** Mean loss per example, as the steps saw it. */
    double trainLoss() {
        return lossSum / recipe.shards().examples();
    }

    /** By group that was live: the mean of its gradient's norm over the steps at which it was. */
    SortedMap<String, Double> gradientNorms() {
        TreeMap<String, Double> means = new TreeMap<>();
        norms.forEach((group, sum) -> means.put(group, sum.mean()));
        return means;
    }
}
