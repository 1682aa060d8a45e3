package org.sparklora.driver.run.loop;

import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.FreezeDecision;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.plan.CachePolicy;
import org.sparklora.driver.run.loop.RunListener.EpochResult;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EpochPart;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.Padding;
import org.sparklora.worker.train.DivergedException;
import org.sparklora.worker.train.GradientLayout;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.ParameterInitializer;

/**
 * One run, epoch by epoch. For each epoch: the policy decides, groups move, the plan goes to the workers, the steps
 * run (in {@link EpochExecution}, where the policy may decide again between two steps), the adapter is evaluated, the
 * listener is told, a checkpoint is kept.
 *
 * <p>A run that goes on from a {@link TrainingCheckpoint} takes the same way: a run from the start goes on from the point before
 * its first epoch.
 */
public final class TrainingLoop {

    private final LoraManifest manifest;
    private final TrainingSettings recipe;
    private final EpochRunner runner;
    private final RunListener listener;
    private final Clock clock;
    private final GroupTransitions groups;

    /** How to train, apart from where. */
    public record TrainingSettings(
            FreezePolicy policy,
            OptimizerSettings optimizer,
            ShardPlan shards,
            StoppingCriteria ending,
            CachePolicy cache) {

        /** Whether an epoch has one plan from its first step to its last. */
        boolean isWhole(int epoch) {
            int steps = shards.stepsPerEpoch();
            return policy.stops(epoch, steps).subSet(1, steps).isEmpty();
        }
    }

    /**
     * When to end and what to keep.
     *
     * @param metric metric_for_best_model
     * @param loadBest whether the best epoch's adapter is the result, instead of the last one's
     * @param patience epochs without improvement after which to stop early
     */
    public record StoppingCriteria(int epochs, String metric, boolean loadBest, OptionalInt patience) {

        /** Whether it matters which epoch was best. */
        boolean watches() {
            return loadBest || patience.isPresent();
        }

        /** Whether a run ends after these epochs. */
        public boolean reached(List<EpochMetrics> seen) {
            return seen.size() >= epochs
                    || (watches() && BestEpoch.of(this, seen).exhausted());
        }
    }

    /** What a run ends with: the adapter and the state that its groups are in, after {@code epoch}. */
    public record Result(AdapterSnapshot adapter, FreezeState freeze, int epoch) {}

    /**
     * A loop that has not begun.
     *
     * @param manifest groups, with the head
     * @param firstValues what a group begins with that thaws for the first time
     * @param runner does the steps
     * @param clock for the seconds that are reported, which decide nothing
     */
    public TrainingLoop(
            LoraManifest manifest,
            ParameterInitializer firstValues,
            TrainingSettings recipe,
            EpochRunner runner,
            RunListener listener,
            Clock clock) {
        this.manifest = manifest;
        this.recipe = recipe;
        this.runner = runner;
        this.listener = listener;
        this.clock = clock;
        this.groups = new GroupTransitions(
                manifest, firstValues, recipe.policy(), recipe.shards().stepsPerEpoch(), listener);
    }

    /** Runs from the start to the end. */
    public Result run(Checkpointer checkpointer) {
        return resume(TrainingCheckpoint.start(groups.start().capture()), checkpointer);
    }

    /** Runs from a point of an earlier run to the end. The manifest may have groups that the point does not know. */
    public Result resume(TrainingCheckpoint from, Checkpointer checkpointer) {
        RunState standing = new RunState(manifest, from, recipe.shards().stepsPerEpoch());
        EpochPart part = from.part();
        while (!recipe.ending().reached(standing.seen())) {
            boolean underWay = part.stepsDone() > 0;
            Optional<FreezeDecision> decision = underWay ? Optional.empty() : Optional.of(groups.decide(standing, 0));
            if (decision.flatMap(FreezeDecision::stop).isPresent()) {
                break;
            }
            tellStart(standing, part, decision);
            EpochResult result = runEpoch(standing, part, checkpointer);
            standing.finished(result.metrics(), recipe.ending(), recipe.policy());
            part = EpochPart.NONE;
            checkpointer.reached(standing.point(part));
        }
        return standing.result(recipe.ending());
    }

    private void tellStart(RunState standing, EpochPart part, Optional<FreezeDecision> decision) {
        EpochPlan plan = standing.plan(recipe);
        int trainable = GradientLayout.of(manifest, plan.freeze()).size();
        if (decision.isPresent()) {
            listener.epochStarts(plan, trainable, decision.get().reason());
        } else {
            listener.epochGoesOn(plan, trainable, part.stepsDone());
        }
    }

    /** Runs an epoch, or the rest of one that is under way. */
    private EpochResult runEpoch(RunState standing, EpochPart from, Checkpointer checkpointer) {
        long started = clock.millis();
        EpochExecution epoch = new EpochExecution(standing, from, groups, recipe, listener);
        epoch.run(runner, checkpointer);
        long trained = clock.millis();
        requireFinite(standing.state().snapshot(), standing.epoch());
        EpochPlan plan = standing.plan(recipe);
        SortedMap<String, Double> validation = runner.evaluate(plan);
        Padding padding = runner.padding(plan);

        TreeMap<String, Double> seconds = new TreeMap<>(epoch.times().seconds());
        seconds.put("train", (trained - started) / 1000.0);
        if (epoch.times().passNanos() > 0) {
            seconds.put("forward_backward", epoch.times().passNanos() / 1e9);
        }
        seconds.put("validation", (clock.millis() - trained) / 1000.0);
        seconds.put("total", (clock.millis() - started) / 1000.0);
        EpochResult result = new EpochResult(
                new EpochMetrics(standing.epoch(), epoch.trainLoss(), validation, epoch.gradientNorms()),
                padding,
                seconds);
        listener.epochEnds(result);
        return result;
    }

    /** A step checks what it starts from; of the epoch's last update there is no other check. */
    private static void requireFinite(AdapterSnapshot adapter, int epoch) {
        for (String name : adapter.names()) {
            for (float value : adapter.view(name)) {
                if (!Float.isFinite(value)) {
                    throw new DivergedException("diverged in the last step of epoch " + epoch + ": '" + name
                            + "' holds " + value + ". Lower training.learning_rate, or set training.max_grad_norm");
                }
            }
        }
    }
}
