package org.sparklora.worker.train;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.train.AdamW.Moments;

/**
 * An immutable copy of a {@link TrainState}.
 *
 * @param freeze of the declared groups
 * @param values of every tensor whose group is not dormant, and what AdaLoRA remembers
 * @param moments by tensor name, for the same tensors; without values for a tensor that never trains and for what AdaLoRA remembers
 * @param stepsSinceThaw by group name, implicit groups included, for every group that is not dormant
 */
public record TrainStateSnapshot(
        FreezeState freeze,
        AdapterSnapshot values,
        SortedMap<String, Moments> moments,
        SortedMap<String, Long> stepsSinceThaw) {

    public TrainStateSnapshot {
        TreeMap<String, Moments> copies = new TreeMap<>();
        moments.forEach((tensor, m) -> copies.put(tensor, m.copy()));
        moments = Collections.unmodifiableSortedMap(copies);
        stepsSinceThaw = Collections.unmodifiableSortedMap(new TreeMap<>(stepsSinceThaw));
        if (!values.names().equals(copies.keySet())) {
            throw new IllegalArgumentException(
                    "values are given for " + values.names() + ", moments for " + copies.keySet());
        }
    }

    TrainStateSnapshot(
            FreezeState freeze, AdapterSnapshot values, Map<String, Moments> moments, Map<String, Long> steps) {
        this(freeze, values, new TreeMap<>(moments), new TreeMap<>(steps));
    }
}
