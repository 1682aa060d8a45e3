package org.sparklora.driver.run.loop;

import java.util.Set;
import java.util.TreeSet;
import org.sparklora.driver.job.freeze.FreezeDecision;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.driver.run.loop.TrainingLoop.TrainingSettings;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.train.ParameterInitializer;
import org.sparklora.worker.train.TrainState;

/** Carries out the policy's decisions: the state before the first epoch, and the moves before an epoch or a step. */
record GroupTransitions(TrainingSettings settings, ParameterInitializer initializer, RunListener listener) {

    /** The state before the first epoch, in which dormant groups have no values. */
    TrainState start() {
        LoraManifest manifest = settings.planner().manifest();
        Set<String> trained = new TreeSet<>();
        Set<String> groups = new TreeSet<>();
        for (LoraGroup group : manifest.groups()) {
            groups.add(group.name());
            if (initializer.isTrained(group)) {
                trained.add(group.name());
            }
        }
        FreezeState freeze = settings.policy().initial(groups, trained);
        AdapterSnapshot initial = AdapterSnapshot.EMPTY;
        for (String group : manifest.names()) {
            if (freeze.of(group) != GroupState.DORMANT) {
                initial = initial.with(initializer.of(group));
            }
        }
        return new TrainState(manifest, freeze, initial);
    }

    /** Asks the policy for the decision before a step of the epoch, and carries it out. */
    FreezeDecision decide(RunState run, int step) {
        StepPosition at = StepPosition.of(run.epoch(), step, settings.shards().stepsPerEpoch());
        TrainState state = run.state();
        FreezeDecision decision = settings.policy().next(state.freeze(), at, run.seen());
        if (decision.stop().isPresent()) {
            if (!at.startsEpoch()) {
                throw new IllegalStateException("a run cannot end before " + at + ", within an epoch");
            }
            listener.stopped(at, decision.stop().get());
            return decision;
        }
        for (String group : settings.policy().added(at)) {
            listener.added(at, group, "declared by an event of the schedule");
        }
        if (decision.restoreEpoch().isPresent()) {
            run.restore(decision.restoreEpoch().getAsInt());
            listener.restored(at, decision.restoreEpoch().getAsInt(), decision.reason());
        }
        for (Transition transition : decision.transitions()) {
            if (transition.isThaw()) {
                state.thaw(transition.group(), transition.optimizerState(), initializer.of(transition.group()));
            } else {
                state.freeze(transition.group());
            }
            listener.moved(at, transition);
        }
        return decision;
    }
}
