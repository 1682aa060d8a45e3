package org.sparklora.driver.run.loop;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EarlierStates;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EpochProgress;
import org.sparklora.driver.run.loop.TrainingCheckpoint.RestorePoint;
import org.sparklora.driver.run.loop.TrainingLoop.Result;
import org.sparklora.driver.run.loop.TrainingLoop.TrainingSettings;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.train.TrainState;

/** The current state of a run: the mutable form of a {@link TrainingCheckpoint}. */
final class RunState {

    private final TrainState state;
    private final List<EpochMetrics> seen;
    private final RunLength length;
    private EarlierStates earlier;

    /** Restores a checkpoint, for a manifest that may have groups which the checkpoint does not know. */
    RunState(LoraManifest manifest, TrainingCheckpoint from, RunLength length) {
        if (from.stepsDone()
                != length.stepsUntil(from.epochsDone()) + from.progress().stepsDone()) {
            throw new IllegalArgumentException("the checkpoint has " + from.epochsDone() + " epochs and "
                    + from.progress().stepsDone() + " steps, " + from.stepsDone() + " steps in all, but an epoch has "
                    + length.stepsPerEpoch() + " steps now: the number of training rows has changed");
        }
        this.length = length;
        List<String> declared = manifest.groups().stream().map(LoraGroup::name).toList();
        this.state = TrainState.restore(manifest, from.state());
        this.seen = new ArrayList<>(from.seen());
        this.earlier = new EarlierStates(
                from.earlier()
                        .best()
                        .map(r -> new Result(r.adapter(), r.freeze().over(declared), r.epoch())),
                from.earlier().restorePoint());
    }

    TrainState state() {
        return state;
    }

    /** Index of the current epoch. */
    int epoch() {
        return seen.size();
    }

    List<EpochMetrics> seen() {
        return seen;
    }

    /** The plan of the next steps. */
    EpochPlan plan(TrainingSettings settings) {
        return settings.planner().plan(epoch(), state.freeze(), state.snapshot(), settings.isWhole(epoch()));
    }

    /** Ends the current epoch. */
    void finished(EpochMetrics epoch, StoppingCriteria stopping, FreezePolicy policy) {
        seen.add(epoch);
        Optional<Result> best = earlier.best();
        if (stopping.needsBest() && stopping.bestEpoch(seen) == epoch.epoch()) {
            best = Optional.of(now());
        }
        Optional<RestorePoint> restorePoint = earlier.restorePoint();
        if (policy.restorable(seen).stream().anyMatch(e -> e == epoch.epoch())) {
            restorePoint = Optional.of(new RestorePoint(epoch.epoch(), state.capture()));
        }
        earlier = new EarlierStates(best, restorePoint);
    }

    /** Restores the training state of the end of an epoch; the metrics since then stay. */
    void restore(int epoch) {
        RestorePoint point = earlier.restorePoint()
                .filter(p -> p.epoch() == epoch)
                .orElseThrow(() -> new IllegalStateException("there is no restore point of epoch " + epoch));
        state.become(point.state());
    }

    TrainingCheckpoint checkpoint(EpochProgress progress) {
        return new TrainingCheckpoint(
                state.capture(), seen, progress, length.stepsUntil(seen.size()) + progress.stepsDone(), earlier);
    }

    /** The result of the run if it ends here. */
    Result result(StoppingCriteria stopping) {
        return stopping.loadBest() ? earlier.best().orElseGet(this::now) : now();
    }

    private Result now() {
        return new Result(state.snapshot(), state.freeze(), seen.size() - 1);
    }
}
