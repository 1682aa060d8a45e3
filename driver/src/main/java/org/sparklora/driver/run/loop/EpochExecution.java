package org.sparklora.driver.run.loop;

import java.util.SortedSet;
import java.util.TreeSet;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EpochProgress;
import org.sparklora.driver.run.loop.TrainingLoop.TrainingSettings;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.PhaseTimes;

/**
 * Runs the steps of one epoch, from the first or from where an earlier run stopped. If the policy moves groups between two
 * steps, the plan ends there and the next one begins. A checkpoint at such a step holds the state before the move. If the
 * cluster ends the run, the last step that is done is stored.
 */
final class EpochExecution {

    private final RunState run;
    private final GroupTransitions groups;
    private final TrainingSettings settings;
    private EpochProgress progress;
    private PhaseTimes times = PhaseTimes.NONE;

    /** Steps of the epoch that the last checkpoint holds. */
    private int stored;

    EpochExecution(RunState run, EpochProgress from, GroupTransitions groups) {
        this.run = run;
        this.groups = groups;
        this.settings = groups.settings();
        this.progress = from;
        this.stored = from.stepsDone();
    }

    /** Runs the rest of the epoch. */
    void run(EpochRunner runner, Checkpointer checkpointer) {
        int steps = settings.length().stepsIn(run.epoch());
        SortedSet<Integer> decisions = new TreeSet<>(settings.policy()
                .decisionSteps(run.epoch(), settings.length().stepsPerEpoch())
                .headSet(steps));
        while (progress.stepsDone() < steps) {
            int done = progress.stepsDone();
            Runnable beforeMove = () -> {};
            // The loop has asked for the decision before the first step.
            if (done > 0 && decisions.contains(done)) {
                beforeMove = checkpointer.remember(run.checkpoint(progress));
                groups.decide(run, done);
            }
            SortedSet<Integer> ahead = decisions.tailSet(done + 1);
            try {
                runTo(ahead.isEmpty() ? steps : ahead.first(), runner, checkpointer);
            } catch (ClusterException e) {
                boolean stepped = progress.stepsDone() > done;
                store(stepped ? checkpointer.remember(run.checkpoint(progress)) : beforeMove, e);
                throw e;
            }
        }
    }

    /** Stores what was done since the last checkpoint. An error is added to the end of the run and does not replace it. */
    private void store(Runnable checkpoint, ClusterException end) {
        if (progress.stepsDone() > stored) {
            try {
                checkpoint.run();
            } catch (RuntimeException e) {
                end.addSuppressed(e);
            }
        }
    }

    /** Runs steps that have the same plan, and pauses wherever a checkpoint is due. */
    private void runTo(int end, EpochRunner runner, Checkpointer checkpointer) {
        int steps = settings.length().stepsIn(run.epoch());
        EpochPlan plan = run.plan(settings);
        long firstGlobal = settings.length().stepsUntil(plan.epoch());
        try (EpochRunner.Epoch epoch = runner.open(plan, run.state(), settings.optimizer())) {
            while (progress.stepsDone() < end) {
                int done = progress.stepsDone();
                int pause = done + 1;
                while (pause < end && !checkpointer.wants(firstGlobal + pause)) {
                    pause++;
                }
                done = epoch.run(done, pause, firstGlobal, reports -> {
                    reports.forEach(report -> progress = progress.plus(report));
                    groups.listener().stepsDone(plan.epoch(), reports);
                });
                if (done < steps && checkpointer.wants(firstGlobal + done)) {
                    checkpointer.reached(run.checkpoint(progress));
                    stored = done;
                }
            }
            times = times.plus(epoch.times());
        }
    }

    /** How the steps run here spent their time; empty if it is not measured. */
    PhaseTimes times() {
        return times;
    }

    /** Sums over all steps of the epoch. */
    EpochProgress progress() {
        return progress;
    }
}
