package org.sparklora.driver.run.loop;

import java.util.Set;
import java.util.TreeSet;
import org.sparklora.driver.job.freeze.FreezeDecision;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.train.ParameterInitializer;
import org.sparklora.worker.train.TrainState;

/** Carries out what the policy decides: the state before the first epoch, and the moves before an epoch or a step. */
final class GroupTransitions {

    private final LoraManifest manifest;
    private final ParameterInitializer firstValues;
    private final FreezePolicy policy;
    private final int stepsPerEpoch;
    private final RunListener listener;

    GroupTransitions(
            LoraManifest manifest,
            ParameterInitializer firstValues,
            FreezePolicy policy,
            int stepsPerEpoch,
            RunListener listener) {
        this.manifest = manifest;
        this.firstValues = firstValues;
        this.policy = policy;
        this.stepsPerEpoch = stepsPerEpoch;
        this.listener = listener;
    }

    /** The state before the first epoch: dormant groups have no values yet. */
    TrainState start() {
        Set<String> trained = new TreeSet<>();
        Set<String> groups = new TreeSet<>();
        for (LoraGroup group : manifest.groups()) {
            groups.add(group.name());
            if (firstValues.isTrained(group)) {
                trained.add(group.name());
            }
        }
        FreezeState freeze = policy.initial(groups, trained);
        AdapterSnapshot initial = AdapterSnapshot.EMPTY;
        for (String group : manifest.names()) {
            if (freeze.of(group) != GroupState.DORMANT) {
                initial = initial.with(firstValues.of(group));
            }
        }
        return new TrainState(manifest, freeze, initial);
    }

    /** Asks the policy what is due before a step of the epoch, and does it. */
    FreezeDecision decide(RunState standing, int step) {
        StepPosition at = StepPosition.of(standing.epoch(), step, stepsPerEpoch);
        TrainState state = standing.state();
        FreezeDecision decision = policy.next(state.freeze(), at, standing.seen());
        if (decision.stop().isPresent()) {
            if (!at.startsEpoch()) {
                throw new IllegalStateException("a run cannot end before " + at + ": the epoch is under way");
            }
            listener.stopped(at, decision.stop().get());
            return decision;
        }
        for (String group : policy.added(at)) {
            listener.added(at, group, "declared by an event of the schedule");
        }
        if (decision.restoreEpoch().isPresent()) {
            standing.restore(decision.restoreEpoch().getAsInt());
            listener.restored(at, decision.restoreEpoch().getAsInt(), decision.reason());
        }
        for (Transition transition : decision.transitions()) {
            if (transition.isThaw()) {
                state.thaw(transition.group(), transition.optimizerState(), firstValues.of(transition.group()));
            } else {
                state.freeze(transition.group());
            }
            listener.moved(at, transition);
        }
        return decision;
    }
}
