package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToIntFunction;

/**
 * What follows from a freeze state: which tensors train, where each lies in the flat gradient, and the lowest layer that
 * trains. The driver computes it once for a state and sends it with the {@link EpochPlan}; everything else reads it.
 *
 * <p>Trainable groups are laid out in name order and their tensors in name order, so every rank has the same gradient
 * layout. Immutable.
 *
 * @param manifest every group of the run
 * @param state the state of each group
 * @param slots the trainable tensors, in the order of the flat gradient
 * @param lowestTrainableLayer index of the lowest layer with a trainable tensor; that of the head where nothing of the encoder
 *     trains. Everything below is the frozen trunk
 */
public record FreezePlan(LoraManifest manifest, FreezeState state, List<Slot> slots, int lowestTrainableLayer)
        implements Serializable {

    /**
     * The place of one trainable tensor in the flat gradient.
     *
     * @param offset index of its first value
     */
    public record Slot(String group, TensorSpec tensor, int offset) implements Serializable {

        /** Index after its last value. */
        public int end() {
            return Math.addExact(offset, tensor.size());
        }
    }

    public FreezePlan {
        slots = List.copyOf(slots);
    }

    /**
     * Computes the plan of a freeze state.
     *
     * @param layerIndex the encoder's layer index of a tensor name: 0 for the embeddings, i + 1 for layer i, then the pooler
     *     and the head
     */
    public FreezePlan(LoraManifest manifest, FreezeState state, ToIntFunction<String> layerIndex) {
        this(
                manifest,
                state,
                slots(manifest, state),
                slots(manifest, state).stream()
                        .mapToInt(slot -> layerIndex.applyAsInt(slot.tensor().name()))
                        .min()
                        .orElse(0));
    }

    private static List<Slot> slots(LoraManifest manifest, FreezeState state) {
        List<Slot> slots = new ArrayList<>();
        int offset = 0;
        for (String group : manifest.names()) {
            if (state.of(group) == GroupState.LIVE) {
                for (TensorSpec tensor : manifest.tensors(group)) {
                    Slot slot = new Slot(group, tensor, offset);
                    slots.add(slot);
                    offset = slot.end();
                }
            }
        }
        return slots;
    }

    /** The trainable tensors by group, in name order. */
    public SortedMap<String, List<Slot>> slotsByGroup() {
        TreeMap<String, List<Slot>> groups = new TreeMap<>();
        slots.forEach(slot ->
                groups.computeIfAbsent(slot.group(), g -> new ArrayList<>()).add(slot));
        return groups;
    }

    /** Number of trainable float32 parameters, which is the length of the flat gradient. */
    public int trainableParameters() {
        return slots.isEmpty() ? 0 : slots.get(slots.size() - 1).end();
    }

    /** The trainable tensors of a snapshot as one array of {@link #trainableParameters} values, each tensor row-major. */
    public float[] flatten(AdapterSnapshot snapshot) {
        return flatten(snapshot::view);
    }

    /** The same of values by tensor name. */
    public float[] flatten(Function<String, float[]> valuesOf) {
        float[] flat = new float[trainableParameters()];
        for (Slot slot : slots) {
            float[] values = valuesOf.apply(slot.tensor().name());
            System.arraycopy(values, 0, flat, slot.offset(), slot.tensor().size());
        }
        return flat;
    }

    /** The inverse of {@link #flatten}. */
    public AdapterSnapshot unflatten(float[] flat) {
        Map<String, float[]> values = new TreeMap<>();
        for (Slot slot : slots) {
            values.put(slot.tensor().name(), Arrays.copyOfRange(flat, slot.offset(), slot.end()));
        }
        return AdapterSnapshot.owning(values);
    }
}
