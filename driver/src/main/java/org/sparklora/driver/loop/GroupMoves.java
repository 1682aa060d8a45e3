package org.sparklora.driver.loop;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.sparklora.driver.freeze.EpochMetrics;
import org.sparklora.driver.freeze.FreezeDecision;
import org.sparklora.driver.freeze.FreezePolicy;
import org.sparklora.driver.freeze.Moment;
import org.sparklora.driver.freeze.Transition;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.train.FirstValues;
import org.sparklora.worker.train.TrainState;

/** Carries out what the policy decides: the state before the first epoch, and the moves before each. */
final class GroupMoves {

    private final LoraManifest manifest;
    private final FirstValues firstValues;
    private final FreezePolicy policy;
    private final RunListener listener;

    GroupMoves(LoraManifest manifest, FirstValues firstValues, FreezePolicy policy, RunListener listener) {
        this.manifest = manifest;
        this.firstValues = firstValues;
        this.policy = policy;
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

    /** Moves groups before an epoch; the reason why they are in the state they are in then. */
    String enter(int epoch, TrainState state, List<EpochMetrics> seen) {
        FreezeDecision decision = policy.next(state.freeze(), Moment.of(epoch, 0, 1), seen);
        for (Transition transition : decision.transitions()) {
            if (transition.isThaw()) {
                state.thaw(transition.group(), transition.optimizerState(), firstValues.of(transition.group()));
            } else {
                state.freeze(transition.group());
            }
            listener.moved(epoch, transition);
        }
        return decision.reason();
    }
}
