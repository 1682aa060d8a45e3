package org.sparklora.driver.run.loop;

import java.time.Clock;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.FreezeDecision;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.plan.EpochPlanner;
import org.sparklora.driver.run.loop.RunListener.EpochResult;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EpochProgress;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.train.DivergedException;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.ParameterInitializer;

/**
 * One run, epoch by epoch. In each epoch the policy decides, groups move, the plan goes to the workers, the steps run (in
 * {@link EpochExecution}, where the policy may decide again between two steps), a checkpoint is stored, the adapter is
 * evaluated, the listener is told, and the checkpoint of the whole epoch is stored. A run whose validation failed resumes
 * with the validation.
 *
 * <p>A run from the start is a run that resumes the checkpoint before its first epoch.
 */
public final class TrainingLoop {

    private final TrainingSettings settings;
    private final EpochRunner runner;
    private final RunListener listener;
    private final Clock clock;
    private final GroupTransitions groups;

    /**
     * How to train.
     *
     * @param length of the run if nothing stops it earlier
     * @param pauseAfter epochs after which the loop returns, although the run may go on
     * @param planner turns the freeze state into each epoch's plan
     */
    public record TrainingSettings(
            FreezePolicy policy,
            OptimizerSettings optimizer,
            RunLength length,
            StoppingCriteria stopping,
            int pauseAfter,
            EpochPlanner planner) {

        /** Settings of a run that does not pause. */
        public TrainingSettings(
                FreezePolicy policy,
                OptimizerSettings optimizer,
                RunLength length,
                StoppingCriteria stopping,
                EpochPlanner planner) {
            this(policy, optimizer, length, stopping, Integer.MAX_VALUE, planner);
        }

        /** The same, for a loop that returns after some epochs. */
        public TrainingSettings pausingAfter(int epochs) {
            return new TrainingSettings(policy, optimizer, length, stopping, epochs, planner);
        }

        /** Rows and steps. */
        public ShardPlan shards() {
            return planner.shards();
        }

        /** Whether an epoch has one plan from its first step to its last. */
        boolean isWhole(int epoch) {
            return policy.decisionSteps(epoch, length.stepsPerEpoch())
                    .subSet(1, length.stepsIn(epoch))
                    .isEmpty();
        }
    }

    /** The result of a run: the adapter and the state of its groups after {@code epoch}. */
    public record Result(AdapterSnapshot adapter, FreezeState freeze, int epoch) {}

    /**
     * Creates a loop that has not begun.
     *
     * @param initializer first values of a group when it thaws for the first time
     * @param clock for the reported seconds, on which no decision depends
     */
    public TrainingLoop(
            ParameterInitializer initializer,
            TrainingSettings settings,
            EpochRunner runner,
            RunListener listener,
            Clock clock) {
        this.settings = settings;
        this.runner = runner;
        this.listener = listener;
        this.clock = clock;
        this.groups = new GroupTransitions(settings, initializer, listener);
    }

    /** Runs from the start to the end. */
    public Result run(Checkpointer checkpointer) {
        return resume(TrainingCheckpoint.start(groups.start().capture()), checkpointer);
    }

    /** Runs from a checkpoint to the end. The manifest may have groups that the checkpoint does not know. */
    public Result resume(TrainingCheckpoint from, Checkpointer checkpointer) {
        RunState run = new RunState(settings.planner().manifest(), from, settings.length());
        EpochProgress progress = from.progress().weighed(settings.shards());
        while (run.epoch() < settings.pauseAfter() && !settings.stopping().reached(run.seen())) {
            if (progress.stepsDone() > 0) {
                listener.epochResumes(run.plan(settings), progress.stepsDone());
            } else {
                FreezeDecision decision = groups.decide(run, 0);
                if (decision.stop().isPresent()) {
                    break;
                }
                listener.epochStarts(run.plan(settings), decision.reason());
            }
            EpochResult result = runEpoch(run, progress, checkpointer);
            run.finished(result.metrics(), settings.stopping(), settings.policy());
            progress = EpochProgress.NONE;
            checkpointer.reached(run.checkpoint(progress));
        }
        return run.result(settings.stopping());
    }

    /** Runs an epoch, or the rest of it. */
    private EpochResult runEpoch(RunState run, EpochProgress from, Checkpointer checkpointer) {
        long started = clock.millis();
        EpochExecution epoch = new EpochExecution(run, from, groups);
        epoch.run(runner, checkpointer);
        long trained = clock.millis();
        requireFinite(run.state().snapshot(), run.epoch());
        int steps = settings.length().stepsIn(run.epoch());
        if (runner.validates() && from.stepsDone() < steps) {
            checkpointer.reached(run.checkpoint(epoch.progress()));
        }
        long stored = clock.millis();
        EpochPlan plan = run.plan(settings);
        SortedMap<String, Double> validation =
                runner.evaluate(plan, settings.length().stepsUntil(run.epoch() + 1));

        TreeMap<String, Double> seconds = new TreeMap<>(epoch.times().seconds());
        seconds.put("train", (trained - started) / 1000.0);
        if (epoch.times().passNanos() > 0) {
            seconds.put("forward_backward", epoch.times().passNanos() / 1e9);
        }
        seconds.put("validation", (clock.millis() - stored) / 1000.0);
        seconds.put("total", (clock.millis() - started) / 1000.0);
        EpochResult result = new EpochResult(
                new EpochMetrics(
                        run.epoch(),
                        epoch.progress().meanLoss(),
                        validation,
                        epoch.progress().meanNorms()),
                epoch.progress().padding(),
                seconds);
        listener.epochEnds(result);
        return result;
    }

    /** A step checks its inputs, so only the values after the epoch's last update are still unchecked. */
    private static void requireFinite(AdapterSnapshot adapter, int epoch) {
        for (String name : adapter.names()) {
            for (float value : adapter.view(name)) {
                if (!Float.isFinite(value)) {
                    throw new DivergedException(
                            "diverged.values",
                            "training diverged in the last step of epoch " + epoch + ": '" + name + "' holds " + value
                                    + ". Lower training.learning_rate, or set training.max_grad_norm");
                }
            }
        }
    }
}
