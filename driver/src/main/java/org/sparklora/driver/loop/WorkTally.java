package org.sparklora.driver.loop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.sparklora.driver.freeze.Transition;
import org.sparklora.driver.loop.WorkCounter.Stretch;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.train.StepReport;

/** The steps of the epoch under way by the freeze state that they were done in, as a run's listener hears of them. */
final class WorkTally {

    private final List<Stretch> done = new ArrayList<>();
    private FreezeState state = FreezeState.of(Map.of());
    private boolean cached;

    /** The epoch whose steps ran the prefix, to keep what it gives. */
    private int keptIn = -1;

    private int epoch;
    private int steps;
    private long examples;

    /** An epoch, or the rest of one, begins. */
    void begins(EpochPlan plan) {
        done.clear();
        steps = 0;
        examples = 0;
        epoch = plan.epoch();
        state = plan.freeze();
        cached = plan.cache().isOn();
    }

    /** A group moves; before an epoch begins that changes nothing, as the epoch's plan knows of it. */
    void moved(Transition transition) {
        GroupState next = transition.isThaw() ? GroupState.LIVE : GroupState.FROZEN;
        if (state.states().containsKey(transition.group())
                && state.of(transition.group()).mayBecome(next)) {
            cut();
            state = state.with(transition.group(), next);
        }
    }

    /** A group is declared. */
    void added(String group) {
        cut();
        List<String> all = new ArrayList<>(state.states().keySet());
        all.add(group);
        state = state.over(all);
    }

    /** What the prefix gives is kept from this epoch on. */
    void kept(int inEpoch) {
        keptIn = inEpoch;
    }

    /** Steps are done. */
    void stepsDone(List<StepReport> reports) {
        steps += reports.size();
        examples += reports.stream().mapToLong(StepReport::examples).sum();
    }

    /** All steps of the epoch that were done here. */
    List<Stretch> stretches() {
        cut();
        return List.copyOf(done);
    }

    private void cut() {
        if (steps > 0) {
            done.add(new Stretch(state, steps, examples, cached && keptIn != epoch));
            steps = 0;
            examples = 0;
        }
    }
}
