package org.sparklora.worker.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder;

/** Where each live tensor lies in the flat gradient: live groups in name order, their tensors in name order. */
public final class GradientLayout {

    private final List<Slot> slots;
    private final int size;

    /**
     * One live tensor's place.
     *
     * @param offset index of its first value in the flat gradient
     */
    public record Slot(String group, TensorSpec tensor, int offset) {}

    private GradientLayout(List<Slot> slots, int size) {
        this.slots = List.copyOf(slots);
        this.size = size;
    }

    /** The layout of a freeze state; a pure function of its arguments, so every rank finds the same. */
    public static GradientLayout of(LoraManifest manifest, FreezeState freeze) {
        List<Slot> slots = new ArrayList<>();
        int offset = 0;
        for (String group : manifest.names()) {
            if (freeze.of(group) != GroupState.LIVE) {
                continue;
            }
            for (TensorSpec tensor : manifest.tensors(group)) {
                slots.add(new Slot(group, tensor, offset));
                offset = Math.addExact(offset, tensor.size());
            }
        }
        return new GradientLayout(slots, offset);
    }

    /** The live tensors in the order in which they lie in the gradient. */
    public List<Slot> slots() {
        return slots;
    }

    /** The same by live group, in name order. */
    public SortedMap<String, List<Slot>> byGroup() {
        TreeMap<String, List<Slot>> groups = new TreeMap<>();
        slots.forEach(slot ->
                groups.computeIfAbsent(slot.group(), g -> new ArrayList<>()).add(slot));
        return groups;
    }

    /** Number of float32 values, which is the number of trainable parameters. */
    public int size() {
        return size;
    }

    /** The lowest stage with a live tensor, as {@link Encoder} counts; that of a head where nothing of the encoder is live. */
    public int lowestStage(Encoder encoder) {
        return slots.stream()
                .mapToInt(slot -> encoder.stageOf(slot.tensor().name()))
                .min()
                .orElse(encoder.stages());
    }

    /** The live tensors of a snapshot, flat: {@link #size} values, each tensor row-major. */
    public float[] flatten(AdapterSnapshot snapshot) {
        float[] flat = new float[size];
        for (Slot slot : slots) {
            System.arraycopy(
                    snapshot.view(slot.tensor().name()),
                    0,
                    flat,
                    slot.offset(),
                    slot.tensor().size());
        }
        return flat;
    }

    /** The reverse of {@link #flatten}. */
    public Map<String, float[]> unflatten(float[] flat) {
        Map<String, float[]> values = new TreeMap<>();
        for (Slot slot : slots) {
            values.put(
                    slot.tensor().name(),
                    java.util.Arrays.copyOfRange(
                            flat, slot.offset(), slot.offset() + slot.tensor().size()));
        }
        return values;
    }
}
