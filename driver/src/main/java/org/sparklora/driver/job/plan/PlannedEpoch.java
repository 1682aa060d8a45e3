package org.sparklora.driver.job.plan;

import java.util.ArrayList;
import java.util.List;
import org.sparklora.driver.job.plan.Timeline.Stretch;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.LoraManifest;

/**
 * An epoch of a timeline, with what becomes of its frozen prefix.
 *
 * @param stretches in order, at least one
 * @param held whether what the cache keeps was kept in the epoch before: then the prefix does not run
 */
record PlannedEpoch(List<Stretch> stretches, CachePlan cache, boolean held) {

    PlannedEpoch {
        stretches = List.copyOf(stretches);
    }

    /** The epochs of a timeline, as the run's own rule decides. */
    static List<PlannedEpoch> of(Timeline timeline, LoraManifest manifest, CachePolicy rule) {
        List<PlannedEpoch> epochs = new ArrayList<>();
        CachePlan before = CachePlan.off("");
        for (List<Stretch> stretches : timeline.epochs()) {
            CachePlan cache =
                    rule.plan(manifest, stretches.get(0).state(), AdapterSnapshot.EMPTY, stretches.size() == 1);
            // What trained in the epoch before lies above its stage, so an equal stage has equal values below it.
            epochs.add(new PlannedEpoch(stretches, cache, cache.isOn() && cache.stage() == before.stage()));
            before = cache;
        }
        return epochs;
    }

    int number() {
        return stretches.get(0).from().epoch();
    }

    /** Whether a later epoch is like this one, so that it needs no line of its own. */
    boolean looksLike(PlannedEpoch later) {
        return stretches.size() == 1
                && later.stretches.size() == 1
                && stretches.get(0).state().equals(later.stretches.get(0).state())
                && held == later.held;
    }
}
