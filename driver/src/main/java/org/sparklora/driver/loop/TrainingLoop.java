package org.sparklora.driver.loop;

import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.sparklora.driver.freeze.EpochMetrics;
import org.sparklora.driver.freeze.FreezeDecision;
import org.sparklora.driver.freeze.FreezePolicy;
import org.sparklora.driver.freeze.Transition;
import org.sparklora.driver.loop.RunListener.EpochResult;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.train.DivergedException;
import org.sparklora.worker.train.FirstValues;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;
import org.sparklora.worker.train.TrainStep;

/**
 * One run, epoch by epoch. For each epoch: the policy decides, groups move, the plan goes to the workers, the steps
 * run, the adapter is evaluated, the listener is told.
 */
public final class TrainingLoop {

    private final LoraManifest manifest;
    private final FirstValues firstValues;
    private final Recipe recipe;
    private final EpochRunner runner;
    private final RunListener listener;
    private final Clock clock;

    /** How to train, apart from where. */
    public record Recipe(FreezePolicy policy, OptimizerSettings optimizer, ShardPlan shards, Ending ending) {}

    /**
     * When to end and what to keep.
     *
     * @param metric metric_for_best_model
     * @param loadBest whether the best epoch's adapter is the result, instead of the last one's
     * @param patience epochs without improvement after which to stop early
     */
    public record Ending(int epochs, String metric, boolean loadBest, OptionalInt patience) {}

    /** What a run ends with: the adapter and the state that its groups are in, after {@code epoch}. */
    public record Result(AdapterSnapshot adapter, FreezeState freeze, int epoch) {}

    public TrainingLoop(
            LoraManifest manifest,
            FirstValues firstValues,
            Recipe recipe,
            EpochRunner runner,
            RunListener listener,
            Clock clock) {
        this.manifest = manifest;
        this.firstValues = firstValues;
        this.recipe = recipe;
        this.runner = runner;
        this.listener = listener;
        this.clock = clock;
    }

    /** Runs to the end. */
    public Result run() {
        TrainState state = start();
        List<EpochMetrics> seen = new ArrayList<>();
        BestEpoch best = new BestEpoch(recipe.ending().metric(), recipe.ending().patience());
        boolean watches =
                recipe.ending().loadBest() || recipe.ending().patience().isPresent();
        Optional<Result> bestResult = Optional.empty();

        int epoch = 0;
        while (true) {
            FreezeDecision decision = recipe.policy().next(state.freeze(), epoch, seen);
            decision.transitions().forEach(move(state, epoch));
            EpochResult result = runEpoch(state, epoch, decision.reason());
            seen.add(new EpochMetrics(epoch, result.trainLoss(), result.validation()));
            if (watches && best.offer(epoch, result.validation())) {
                bestResult = Optional.of(new Result(state.snapshot(), state.freeze(), epoch));
            }
            epoch++;
            if (epoch == recipe.ending().epochs() || (watches && best.exhausted())) {
                break;
            }
        }
        Result last = new Result(state.snapshot(), state.freeze(), epoch - 1);
        return recipe.ending().loadBest() ? bestResult.orElse(last) : last;
    }

    /** The state before the first epoch: dormant groups have no values yet. */
    private TrainState start() {
        Set<String> trained = new TreeSet<>();
        Set<String> groups = new TreeSet<>();
        for (LoraGroup group : manifest.groups()) {
            groups.add(group.name());
            if (firstValues.isTrained(group)) {
                trained.add(group.name());
            }
        }
        FreezeState freeze = recipe.policy().initial(groups, trained);
        AdapterSnapshot initial = AdapterSnapshot.EMPTY;
        for (String group : manifest.names()) {
            if (freeze.of(group) != GroupState.DORMANT) {
                initial = initial.with(firstValues.of(group));
            }
        }
        return new TrainState(manifest, freeze, initial);
    }

    private java.util.function.Consumer<Transition> move(TrainState state, int epoch) {
        return transition -> {
            if (transition.isThaw()) {
                state.thaw(transition.group(), transition.optimizerState(), firstValues.of(transition.group()));
            } else {
                state.freeze(transition.group());
            }
            listener.moved(epoch, transition);
        };
    }

    private EpochResult runEpoch(TrainState state, int epoch, String reason) {
        long started = clock.millis();
        TrainStep step = new TrainStep(state, recipe.optimizer());
        EpochPlan plan = plan(state, epoch);
        listener.epochStarts(plan, step.layout().size(), reason);

        int steps = recipe.shards().stepsPerEpoch();
        double loss = 0;
        try (EpochRunner.Epoch exchange = runner.open(plan)) {
            for (int k = 0; k < steps; k++) {
                StepReport report = step.run((long) epoch * steps + k, k, exchange);
                loss += (double) report.loss() * report.examples();
                listener.stepDone(epoch, report);
            }
        }
        long trained = clock.millis();
        requireFinite(state.snapshot(), epoch);
        SortedMap<String, Double> validation = runner.evaluate(plan(state, epoch));

        TreeMap<String, Double> seconds = new TreeMap<>();
        seconds.put("train", (trained - started) / 1000.0);
        seconds.put("validation", (clock.millis() - trained) / 1000.0);
        seconds.put("total", (clock.millis() - started) / 1000.0);
        EpochResult result = new EpochResult(epoch, loss / recipe.shards().examples(), validation, seconds);
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

    private EpochPlan plan(TrainState state, int epoch) {
        return new EpochPlan(epoch, manifest, state.freeze(), recipe.shards(), state.snapshot());
    }
}
