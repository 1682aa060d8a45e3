package org.sparklora.driver.run.loop;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EpochPart;
import org.sparklora.driver.run.loop.TrainingCheckpoint.Kept;
import org.sparklora.driver.run.loop.TrainingCheckpoint.Memory;
import org.sparklora.driver.run.loop.TrainingLoop.Result;
import org.sparklora.driver.run.loop.TrainingLoop.StoppingCriteria;
import org.sparklora.driver.run.loop.TrainingLoop.TrainingSettings;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.train.TrainState;

/** Where a run stands: what a {@link TrainingCheckpoint} holds, while it changes. */
final class RunState {

    private final TrainState state;
    private final List<EpochMetrics> seen;
    private final int stepsPerEpoch;
    private Memory memory;

    /** The standing at a point, for a manifest that may have groups which the point does not know. */
    RunState(LoraManifest manifest, TrainingCheckpoint point, int stepsPerEpoch) {
        if (point.stepsDone()
                != (long) point.epochsDone() * stepsPerEpoch + point.part().stepsDone()) {
            throw new IllegalArgumentException("a run of " + stepsPerEpoch + " steps an epoch cannot go on after "
                    + point.epochsDone() + " epochs and " + point.part().stepsDone() + " steps, " + point.stepsDone()
                    + " steps in all: it was another number of rows that the steps were made of");
        }
        this.stepsPerEpoch = stepsPerEpoch;
        List<String> declared = manifest.groups().stream().map(LoraGroup::name).toList();
        this.state = TrainState.restore(manifest, point.state());
        this.seen = new ArrayList<>(point.seen());
        this.memory = new Memory(
                point.memory()
                        .best()
                        .map(r -> new Result(r.adapter(), r.freeze().over(declared), r.epoch())),
                point.memory().kept());
    }

    TrainState state() {
        return state;
    }

    /** The epoch that comes next or is under way. */
    int epoch() {
        return seen.size();
    }

    List<EpochMetrics> seen() {
        return seen;
    }

    /** The plan of the steps that come next. */
    EpochPlan plan(TrainingSettings recipe) {
        AdapterSnapshot snapshot = state.snapshot();
        CachePlan cache = recipe.cache().plan(state.manifest(), state.freeze(), snapshot, recipe.isWhole(epoch()));
        return new EpochPlan(epoch(), state.manifest(), state.freeze(), recipe.shards(), snapshot, cache);
    }

    /** An epoch is done. */
    void finished(EpochMetrics epoch, StoppingCriteria ending, FreezePolicy policy) {
        seen.add(epoch);
        Optional<Result> best = memory.best();
        if (ending.watches() && BestEpoch.of(ending, seen).epoch() == epoch.epoch()) {
            best = Optional.of(now());
        }
        Optional<Kept> kept = memory.kept();
        if (policy.restorable(seen).stream().anyMatch(e -> e == epoch.epoch())) {
            kept = Optional.of(new Kept(epoch.epoch(), state.capture()));
        }
        memory = new Memory(best, kept);
    }

    /** Goes back to the state at the end of an epoch; what was seen since stays seen. */
    void restore(int epoch) {
        Kept kept = memory.kept()
                .filter(k -> k.epoch() == epoch)
                .orElseThrow(() -> new IllegalStateException("the state of epoch " + epoch + " was not kept"));
        state.become(kept.state());
    }

    TrainingCheckpoint point(EpochPart part) {
        return new TrainingCheckpoint(
                state.capture(), seen, part, (long) seen.size() * stepsPerEpoch + part.stepsDone(), memory);
    }

    /** What the run ends with if it ends here. */
    Result result(StoppingCriteria ending) {
        return ending.loadBest() ? memory.best().orElseGet(this::now) : now();
    }

    private Result now() {
        return new Result(state.snapshot(), state.freeze(), seen.size() - 1);
    }
}
