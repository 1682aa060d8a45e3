package org.sparklora.driver.job.plan;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntToDoubleFunction;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderWork;
import org.sparklora.worker.lora.LoraVariant;

/**
 * What an optimizer step costs in a freeze state: operations, bytes sent and bytes held.
 *
 * <p>Every layer runs forward, unless the input of the lowest trainable layer is already cached. Backward runs from the
 * head to the lowest trainable layer, which counts as a whole. A LoRA pair of r x in and out x r costs its products forward
 * unless its group is dormant, the gradient of its input down to where backward ends, and the gradient of its own values
 * while its group is live. What a variant computes once a pass is shared by the pass's rows.
 */
public final class StepCost {

    private final EpochPlanner planner;
    private final LoraVariant variant;
    private final Encoder encoder;
    private final EncoderWork work;
    private final TextStatistics lengths;
    private final double rowsOfPass;
    private final double allLiveOperations;

    /**
     * The costs of a run.
     *
     * @param lengths of at least one row; a sample is enough
     * @param rowsOfPass rows that a pass has at once, which share what it computes once
     */
    public StepCost(EpochPlanner planner, TextStatistics lengths, double rowsOfPass) {
        this.planner = planner;
        this.variant = LoraVariant.of(planner.manifest());
        this.encoder = planner.encoder();
        this.work = EncoderWork.of(encoder);
        this.lengths = lengths;
        this.rowsOfPass = rowsOfPass;
        this.allLiveOperations = operations(allLive(), false);
    }

    /**
     * Operations of forward and backward, relative to a step with every group live.
     *
     * @param held whether the trunk activations are cached already; the step that caches them costs as much as one without
     *     a cache
     */
    public double relative(FreezeState state, boolean held) {
        return operations(state, held) / allLiveOperations;
    }

    /** Every declared group live. */
    FreezeState allLive() {
        TreeMap<String, GroupState> states = new TreeMap<>();
        planner.manifest().groups().forEach(group -> states.put(group.name(), GroupState.LIVE));
        return new FreezeState(states);
    }

    /**
     * Operations of forward and backward for an average row, without padding.
     *
     * @param held whether the trunk activations are cached already
     */
    double operations(FreezeState state, boolean held) {
        return operations(state, held, true);
    }

    /**
     * Operations of a forward pass for an average row, without padding, as in validation.
     *
     * @param held whether the trunk activations are cached already
     */
    double forwardOperations(FreezeState state, boolean held) {
        return operations(state, held, false);
    }

    private double operations(FreezeState state, boolean held, boolean trains) {
        int lowest = lowestTrainableLayer(state);
        return perRow(length -> operations(state, held ? lowest : 0, lowest, length, trains));
    }

    private double operations(FreezeState state, int first, int lowest, int length, boolean trains) {
        double sum = 0;
        for (int layer = first; layer < work.headIndex(); layer++) {
            boolean backward = trains && layer >= lowest;
            sum += work.forward(layer, length) + (backward ? work.backward(layer, length, layer == lowest) : 0);
        }
        for (LoraGroup group : planner.manifest().groups()) {
            GroupState is = state.of(group.name());
            for (LoraModule module : group.modules()) {
                int layer = encoder.layerIndex(module.path());
                double product = product(module, length, trains && is == GroupState.LIVE && drops(group));
                double once = is == GroupState.DORMANT ? 0 : 2.0 * variant.multiplyAddsOfPass(module) / rowsOfPass;
                sum += layer < first ? 0 : product * passes(is, trains, layer >= lowest) + once;
            }
        }
        return sum;
    }

    /** The mean of a cost over all rows. */
    private double perRow(IntToDoubleFunction costOfLength) {
        double sum = 0;
        for (Map.Entry<Integer, Long> entry : lengths.lengths().entrySet()) {
            sum += entry.getValue() * costOfLength.applyAsDouble(entry.getKey());
        }
        return sum / lengths.examples();
    }

    /** Operations of a LoRA pair's two products. */
    private double product(LoraModule module, int length, boolean dropsOut) {
        // Where heads read one vector, a second product with the weight takes as many operations as the first: next to
        // none.
        boolean again = dropsOut && encoder.multiplied(module.path()) != Encoder.Multiplied.ONE_VECTOR_BY_HEAD;
        return 2.0 * variant.multiplyAdds(module, again) * work.vectors(module.path(), length, dropsOut);
    }

    private static boolean drops(LoraGroup group) {
        return group.settings().loraDropout() > 0;
    }

    /** How often the products of a LoRA pair are computed. */
    private static int passes(GroupState state, boolean trains, boolean backward) {
        return switch (state) {
            case DORMANT -> 0;
            case FROZEN -> trains && backward ? 2 : 1;
            case LIVE -> trains ? 3 : 1;
        };
    }

    /** Mean relative operations of the steps of several epochs. */
    double relative(List<Timeline.Epoch> epochs) {
        double sum = 0;
        long steps = 0;
        for (Timeline.Epoch epoch : epochs) {
            for (Timeline.Stretch stretch : epoch.stretches()) {
                sum += stretch.steps() * relative(stretch.state(), epoch.held());
                steps += stretch.steps();
            }
        }
        return sum / steps;
    }

    /** Number of trainable parameters. */
    public long trainableParameters(FreezeState state) {
        return planner.freezePlan(state).trainableParameters();
    }

    /** Bytes of one rank's gradient in an all-reduce: float32. */
    public long allReduceBytes(FreezeState state) {
        return trainableParameters(state) * Float.BYTES;
    }

    /** Index of the lowest trainable layer; that of the head where nothing of the encoder trains. */
    public int lowestTrainableLayer(FreezeState state) {
        return planner.freezePlan(state).lowestTrainableLayer();
    }

    /** Bytes that a cache holds for this many rows: one vector a token, or one a row if only the first token goes on. */
    public long cacheBytes(CachePlan cache, long rows) {
        if (!cache.isOn()) {
            return 0;
        }
        double vectors = encoder.firstTokenEnters(cache.layerIndex()) ? 1 : lengths.meanLength();
        return Math.round(rows * vectors * encoder.hiddenSize() * cache.type().bytes());
    }

    /** Bytes that are kept for this many rows, all as long as the longest, when backward begins. */
    public long savedBytes(FreezeState state, int rows, Precision precision) {
        int longest = lengths.longest();
        double sum = 0;
        for (int layer = lowestTrainableLayer(state); layer < work.headIndex(); layer++) {
            sum += work.keptBytes(layer, longest, precision);
        }
        for (String live : state.in(GroupState.LIVE)) {
            LoraGroup group = planner.manifest().group(live).orElseThrow();
            for (LoraModule module : group.modules()) {
                sum += (double) Float.BYTES
                        * work.vectors(module.path(), longest, drops(group))
                        * variant.savedValues(module, drops(group));
            }
        }
        return Math.round(rows * sum);
    }

    /** Bytes of the weights that stand in for the base's own, once a JVM. */
    public long residualBytes(FreezeState state, Precision precision) {
        return planner.manifest().groups().stream()
                .filter(group -> state.of(group.name()) != GroupState.DORMANT)
                .flatMap(group -> group.modules().stream())
                .mapToLong(module -> variant.residualValues(module) * bytes(module, precision))
                .sum();
    }

    private int bytes(LoraModule module, Precision precision) {
        boolean rounded = precision == Precision.BFLOAT16 && encoder.roundsToBfloat16(module.path() + ".weight");
        return rounded ? Short.BYTES : Float.BYTES;
    }

    /** Bytes of values, gradients and both moments of trainable tensors, and of the values of frozen ones. */
    public long stateBytes(FreezeState state) {
        long frozen = state.in(GroupState.FROZEN).stream()
                .flatMap(group -> planner.manifest().tensors(group).stream())
                .mapToLong(tensor -> tensor.size())
                .sum();
        return (4 * trainableParameters(state) + frozen) * Float.BYTES;
    }
}
