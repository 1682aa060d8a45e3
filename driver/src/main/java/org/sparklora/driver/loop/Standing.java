package org.sparklora.driver.loop;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.driver.freeze.EpochMetrics;
import org.sparklora.driver.loop.RunListener.EpochResult;
import org.sparklora.driver.loop.RunPoint.EpochPart;
import org.sparklora.driver.loop.TrainingLoop.Ending;
import org.sparklora.driver.loop.TrainingLoop.Result;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.train.TrainState;

/** Where a run stands: what a {@link RunPoint} holds, while it changes. */
final class Standing {

    private final TrainState state;
    private final List<EpochMetrics> seen;
    private final int stepsPerEpoch;
    private Optional<Result> best;

    /** The standing at a point, for a manifest that may have groups which the point does not know. */
    Standing(LoraManifest manifest, RunPoint point, int stepsPerEpoch) {
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
        this.best = point.best().map(r -> new Result(r.adapter(), r.freeze().over(declared), r.epoch()));
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

    /** An epoch is done. */
    void finished(EpochResult epoch, Ending ending) {
        seen.add(new EpochMetrics(epoch.epoch(), epoch.trainLoss(), epoch.validation(), new TreeMap<>()));
        if (ending.watches() && BestEpoch.of(ending, seen).epoch() == epoch.epoch()) {
            best = Optional.of(now());
        }
    }

    RunPoint point(EpochPart part) {
        return new RunPoint(state.capture(), seen, part, (long) seen.size() * stepsPerEpoch + part.stepsDone(), best);
    }

    /** What the run ends with if it ends here. */
    Result result(Ending ending) {
        return ending.loadBest() ? best.orElseGet(this::now) : now();
    }

    private Result now() {
        return new Result(state.snapshot(), state.freeze(), seen.size() - 1);
    }
}
