package org.sparklora.worker.train;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.AdaLora;
import org.sparklora.worker.train.AdamW.Moments;

/**
 * Everything that training changes: values and moments of every tensor that was ever live, the freeze state, and each group's
 * steps since its thaw. Groups freeze and thaw through this class only.
 *
 * <p>Not thread-safe. A dormant group has no entries; it gets its first values when it thaws.
 */
public final class TrainState {

    private static final float DECAY_FACTOR = 0.1f;

    private final LoraManifest manifest;
    private final Map<String, float[]> values = new TreeMap<>();
    private final Map<String, Moments> moments = new TreeMap<>();
    private final Map<String, Long> stepsSinceThaw = new TreeMap<>();
    private final Optional<RankAllocator> ranks;
    private FreezeState freeze;

    /**
     * Creates a state without moments.
     *
     * @param initial values of every tensor whose group is not dormant in {@code freeze}
     */
    public TrainState(LoraManifest manifest, FreezeState freeze, AdapterSnapshot initial) {
        this.manifest = manifest;
        this.freeze = freeze;
        this.ranks = AdaLora.in(manifest).map(RankAllocator::new);
        for (String group : manifest.names()) {
            if (freeze.of(group) != GroupState.DORMANT) {
                place(group, initial);
                stepsSinceThaw.put(group, 0L);
            }
        }
    }

    /**
     * Restores a snapshot, for a manifest that may have groups which the snapshot does not know: they are dormant, as if
     * declared from the start. The manifest may lack dormant groups of the snapshot.
     *
     * @throws IllegalArgumentException if the snapshot does not fit the manifest
     */
    public static TrainState restore(LoraManifest manifest, TrainStateSnapshot snapshot) {
        List<String> declared = manifest.groups().stream().map(LoraGroup::name).toList();
        TrainState state = new TrainState(manifest, snapshot.freeze().over(declared), snapshot.values());
        for (String group : manifest.names()) {
            if (state.freeze.of(group) == GroupState.DORMANT) {
                continue;
            }
            state.stepsSinceThaw.put(group, entry(snapshot.stepsSinceThaw(), group));
            for (TensorSpec tensor : manifest.tensors(group)) {
                Moments moments = entry(snapshot.moments(), tensor.name());
                if (moments.first.length != tensor.size()) {
                    throw new IllegalArgumentException("tensor '" + tensor.name() + "' needs moments of "
                            + tensor.size() + " values, but " + moments.first.length + " were given");
                }
                state.moments.put(tensor.name(), moments.copy());
            }
        }
        state.ranks.ifPresent(ranks -> ranks.restore(snapshot.values()));
        return state;
    }

    /** Replaces everything by a later copy of this state, from another rank; the freeze state must be the same. */
    public void become(TrainStateSnapshot later) {
        TrainState copy = restore(manifest, later);
        if (!copy.freeze.equals(freeze)) {
            throw new IllegalArgumentException("the later copy has another freeze state: " + copy.freeze);
        }
        values.putAll(copy.values);
        moments.putAll(copy.moments);
        stepsSinceThaw.putAll(copy.stepsSinceThaw);
        ranks.ifPresent(mine -> mine.restore(later.values()));
    }

    /** A copy of everything, for {@link #restore}. */
    public TrainStateSnapshot capture() {
        AdapterSnapshot memory = ranks.map(RankAllocator::snapshot).orElse(AdapterSnapshot.EMPTY);
        Map<String, Moments> all = new TreeMap<>(moments);
        memory.names().forEach(name -> all.put(name, new Moments(0)));
        return new TrainStateSnapshot(freeze, snapshot().with(memory), all, stepsSinceThaw);
    }

    /** The groups of the run, dormant ones included. */
    public LoraManifest manifest() {
        return manifest;
    }

    /** The state of each group. */
    public FreezeState freeze() {
        return freeze;
    }

    /** Stops training a group; its values, moments and step counts stay as they are, with AdaLoRA inside its masks. */
    public void freeze(String group) {
        freeze = freeze.with(group, GroupState.FROZEN);
        ranks.ifPresent(masks -> manifest.group(group).orElseThrow().modules().forEach(m -> masks.apply(m, this)));
    }

    /**
     * Starts training a group.
     *
     * @param first values of a group that was dormant; ignored for a frozen one
     */
    public void thaw(String group, OptimizerStateOnThaw optimizerState, AdapterSnapshot first) {
        GroupState before = freeze.of(group);
        freeze = freeze.with(group, GroupState.LIVE);
        stepsSinceThaw.put(group, 0L);
        if (before == GroupState.DORMANT) {
            place(group, first);
            return;
        }
        for (TensorSpec tensor : manifest.tensors(group)) {
            switch (optimizerState) {
                case KEEP -> {}
                case FRESH -> moments.put(tensor.name(), new Moments(tensor.size()));
                case DECAY -> moments(tensor.name()).decay(DECAY_FACTOR);
            }
        }
    }

    /** A copy of the values of every tensor whose group is not dormant. */
    public AdapterSnapshot snapshot() {
        return new AdapterSnapshot(values);
    }

    /** The moments of a tensor whose group is not dormant. */
    public Moments moments(String tensor) {
        return entry(moments, tensor);
    }

    /** Finished optimizer steps since a group's last thaw; the group's warm-up counts them. */
    public long stepsSinceThaw(String group) {
        return entry(stepsSinceThaw, group);
    }

    /** What allocates ranks, with AdaLoRA. */
    Optional<RankAllocator> ranks() {
        return ranks;
    }

    /** The values themselves; only {@link TrainStep} changes them. */
    float[] mutableValues(String tensor) {
        return entry(values, tensor);
    }

    void countStep(String group) {
        stepsSinceThaw.merge(group, 1L, Long::sum);
    }

    private void place(String group, AdapterSnapshot from) {
        for (TensorSpec tensor : manifest.tensors(group)) {
            float[] v = from.values(tensor.name());
            if (v.length != tensor.size()) {
                throw new IllegalArgumentException("tensor '" + tensor.name() + "' needs " + tensor.size()
                        + " values for its shape " + tensor.shape() + ", but " + v.length + " were given");
            }
            values.put(tensor.name(), v);
            moments.put(tensor.name(), new Moments(tensor.size()));
        }
        for (TensorSpec constant : manifest.constants(group)) {
            values.put(constant.name(), from.values(constant.name()));
            moments.put(constant.name(), new Moments(0));
        }
    }

    private static <T> T entry(Map<String, T> map, String name) {
        T value = map.get(name);
        if (value == null) {
            throw new IllegalArgumentException("'" + name + "' is dormant or unknown: it has no training state");
        }
        return value;
    }
}
