package org.sparklora.worker.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezePlan.Slot;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.lora.AdaLora;
import org.sparklora.worker.lora.BudgetSchedule;

/**
 * AdaLoRA's part of an optimizer step (Zhang et al. 2023, arXiv:2303.10512; PEFT's AdaLoraModel and RankAllocator):
 *
 * <ol>
 *   <li>before the update, the loss gains orth_reg_weight times the mean of ‖A Aᵀ − I‖ and ‖Bᵀ B − I‖ over A and B of the
 *       live groups, and the gradient its derivative. It belongs to the step, not to a shard or an example;
 *   <li>after the update, the importance of each live value is |value · gradient| with the new value, smoothed, and so is its
 *       deviation from that;
 *   <li>at the steps of the {@link BudgetSchedule}, E becomes zero for the triplets of least importance. Its moments live on,
 *       so a triplet can come back. After the last allocation its masks hold in every step.
 * </ol>
 *
 * <p>The budget covers the groups that have trained. A frozen group keeps its masks and its share of the budget; a group that
 * thaws has all its triplets until the next allocation ranks them. Sums have a fixed order, so all ranks agree.
 *
 * <p>Importance and masks are state and part of checkpoints. Not thread-safe.
 */
public final class RankAllocator {

    private static final String IMPORTANCE = ".exp_avg_ipt";
    private static final String DEVIATION = ".exp_avg_unc";
    private static final String MASK = ".rank_mask";

    private final AdaLora variant;

    /** Importance and deviation of each tensor; the mask of each module, 1 for a triplet that it keeps. */
    private final Map<String, float[]> memory = new TreeMap<>();

    RankAllocator(AdaLora variant) {
        this.variant = variant;
    }

    AdapterSnapshot snapshot() {
        return new AdapterSnapshot(memory);
    }

    /** Takes what a {@link #snapshot} had from among other values. */
    void restore(AdapterSnapshot values) {
        memory.clear();
        for (String name : values.names()) {
            if (List.of(IMPORTANCE, DEVIATION, MASK).stream().anyMatch(name::endsWith)) {
                memory.put(name, values.values(name));
            }
        }
    }

    /** Adds the gradient of the orthogonality term, and returns the term. */
    float addOrthogonality(TrainState state, FreezePlan plan, float[] gradient) {
        List<Slot> matrices = slots(plan, name -> AdaLora.isA(name) || LoraModule.isLoraB(name));
        double factor = variant.number("orth_reg_weight") / Math.max(1, matrices.size());
        double sum = 0;
        for (Slot slot : matrices) {
            sum += addDistance(state.mutableValues(slot.tensor().name()), slot, factor, gradient);
        }
        return (float) (factor * sum);
    }

    /** Adds {@code factor} times the gradient of ‖G − I‖, G the products of A's rows or B's columns, and returns ‖G − I‖. */
    private static double addDistance(float[] values, Slot slot, double factor, float[] gradient) {
        boolean columns = LoraModule.isLoraB(slot.tensor().name());
        int rank = slot.tensor().shape().get(columns ? 1 : 0);
        int length = values.length / rank;
        int next = columns ? 1 : length;
        int along = columns ? rank : 1;
        double[][] excess = new double[rank][rank];
        double squares = 0;
        for (int i = 0; i < rank; i++) {
            for (int k = 0; k < rank; k++) {
                double dot = i == k ? -1 : 0;
                for (int j = 0; j < length; j++) {
                    dot += (double) values[i * next + j * along] * values[k * next + j * along];
                }
                excess[i][k] = dot;
                squares += dot * dot;
            }
        }
        double norm = StrictMath.sqrt(squares);
        double scale = norm == 0 ? 0 : 2 * factor / norm;
        for (int i = 0; i < rank; i++) {
            for (int j = 0; j < length; j++) {
                double sum = 0;
                for (int k = 0; k < rank; k++) {
                    sum += excess[i][k] * values[k * next + j * along];
                }
                gradient[slot.offset() + i * next + j * along] += (float) (scale * sum);
            }
        }
        return norm;
    }

    /**
     * Measures importance and changes masks after the update of a step.
     *
     * @param step of the whole run, from 0
     * @param gradient of the step, as the update used it
     * @return the new masks, if they are others than before
     */
    Optional<RankAllocation> updated(long step, TrainState state, FreezePlan plan, float[] gradient) {
        BudgetSchedule budget = variant.budget();
        if (step < budget.last()) {
            slots(plan, name -> name.contains(".lora_")).forEach(slot -> measure(state, slot, gradient));
        }
        Optional<RankAllocation> changed = budget.allocates(step) ? allocate(step, state) : Optional.empty();
        if (budget.allocates(step) || step > budget.last()) {
            modules(state, GroupState.LIVE).forEach(module -> apply(module, state));
        }
        if (step == budget.last()) {
            memory.keySet().removeIf(name -> !name.endsWith(MASK));
        }
        return changed;
    }

    private void measure(TrainState state, Slot slot, float[] gradient) {
        float[] values = state.mutableValues(slot.tensor().name());
        float[] mean = memory.computeIfAbsent(slot.tensor().name() + IMPORTANCE, name -> new float[values.length]);
        float[] deviation = memory.computeIfAbsent(slot.tensor().name() + DEVIATION, name -> new float[values.length]);
        double beta1 = variant.number("beta1");
        double beta2 = variant.number("beta2");
        for (int i = 0; i < values.length; i++) {
            float now = Math.abs(values[i] * gradient[slot.offset() + i]);
            mean[i] = (float) beta1 * mean[i] + (float) (1 - beta1) * now;
            deviation[i] = (float) beta2 * deviation[i] + (float) (1 - beta2) * Math.abs(now - mean[i]);
        }
    }

    /** Ranks the triplets of live modules. A module that was never measured keeps its mask, as a frozen one does. */
    private Optional<RankAllocation> allocate(long step, TrainState state) {
        SortedMap<String, float[]> scores = new TreeMap<>();
        List<LoraModule> trained = new ArrayList<>(modules(state, GroupState.LIVE));
        trained.stream()
                .filter(module -> memory.containsKey(AdaLora.e(module) + IMPORTANCE))
                .forEach(module -> scores.put(module.path(), scores(module, memory::get)));
        trained.addAll(modules(state, GroupState.FROZEN));
        int budget = variant.budget().at(step, trained.size());
        int others = trained.stream()
                .filter(module -> !scores.containsKey(module.path()))
                .mapToInt(module -> kept(mask(module)))
                .sum();
        double[] sorted = scores.values().stream()
                .flatMapToDouble(of -> IntStream.range(0, of.length).mapToDouble(i -> of[i]))
                .sorted()
                .toArray();
        int dropped = Math.min(sorted.length, sorted.length - (budget - others));
        double threshold = dropped <= 0 ? -1 : sorted[dropped - 1];

        boolean changed = false;
        SortedMap<String, Integer> kept = new TreeMap<>();
        for (LoraModule module : trained) {
            float[] mask = mask(module);
            float[] score = scores.get(module.path());
            for (int i = 0; score != null && i < mask.length; i++) {
                float keeps = score[i] > threshold ? 1 : 0;
                changed |= mask[i] != keeps;
                mask[i] = keeps;
            }
            kept.put(module.path(), kept(mask));
        }
        return changed ? Optional.of(new RankAllocation(budget, kept)) : Optional.empty();
    }

    /**
     * The score of each triplet: importance times deviation, of E, and the means over A's row and B's column.
     *
     * @param snapshot importance and deviation by name
     */
    public static float[] scores(LoraModule module, Function<String, float[]> snapshot) {
        float[] scores = new float[module.loraRank()];
        for (String tensor : List.of(AdaLora.a(module), AdaLora.b(module), AdaLora.e(module))) {
            float[] mean = snapshot.apply(tensor + IMPORTANCE);
            float[] deviation = snapshot.apply(tensor + DEVIATION);
            int length = mean.length / scores.length;
            double[] sums = new double[scores.length];
            for (int i = 0; i < mean.length; i++) {
                sums[LoraModule.isLoraB(tensor) ? i % scores.length : i / length] += mean[i] * deviation[i];
            }
            for (int i = 0; i < scores.length; i++) {
                scores[i] += (float) (sums[i] / length);
            }
        }
        return scores;
    }

    /** Makes E zero where the module's mask is. */
    void apply(LoraModule module, TrainState state) {
        float[] e = state.mutableValues(AdaLora.e(module));
        float[] mask = mask(module);
        for (int i = 0; i < e.length; i++) {
            e[i] = mask[i] == 0 ? 0 : e[i];
        }
    }

    /** The mask itself; a module without one keeps all. */
    private float[] mask(LoraModule module) {
        return memory.computeIfAbsent(module.path() + MASK, name -> {
            float[] all = new float[module.loraRank()];
            Arrays.fill(all, 1);
            return all;
        });
    }

    private static int kept(float[] mask) {
        return (int) IntStream.range(0, mask.length).filter(i -> mask[i] != 0).count();
    }

    private static List<LoraModule> modules(TrainState state, GroupState of) {
        return state.manifest().groups().stream()
                .filter(group -> state.freeze().of(group.name()) == of)
                .flatMap(group -> group.modules().stream())
                .toList();
    }

    private static List<Slot> slots(FreezePlan plan, Predicate<String> names) {
        return plan.slots().stream()
                .filter(slot -> names.test(slot.tensor().name()))
                .toList();
    }
}
