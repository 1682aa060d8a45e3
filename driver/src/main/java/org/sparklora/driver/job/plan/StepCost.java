package org.sparklora.driver.job.plan;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderWork;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.train.GradientLayout;

/**
 * What an optimizer step costs in a freeze state: operations, bytes sent, bytes held.
 *
 * <p>Every stage runs forward, unless what enters the lowest live one is kept from an earlier epoch. Backward runs from the head down to the lowest stage with something live, which is counted
 * as a whole. A LoRA pair of r x in and out x r costs its products forward unless it is dormant, the gradient of its input
 * as far down as backward runs, and the gradient of its own values while it is live.
 */
public final class StepCost {

    private final LoraManifest manifest;
    private final LoraVariant variant;
    private final Encoder encoder;
    private final EncoderWork work;
    private final TextStatistics lengths;
    private final double everythingLive;

    /**
     * @param manifest with the head
     * @param lengths of at least one row; a sample will do
     */
    public StepCost(LoraManifest manifest, Encoder encoder, TextStatistics lengths) {
        this.manifest = manifest;
        this.variant = LoraVariant.of(manifest);
        this.encoder = encoder;
        this.work = EncoderWork.of(encoder);
        this.lengths = lengths;
        this.everythingLive = operations(allLive(), false);
    }

    /** Operations of forward and backward, relative to a step with every group live. */
    public double relative(FreezeState state) {
        return relative(state, false);
    }

    /**
     * The same.
     *
     * @param held whether what enters the lowest live stage is kept already; to keep it costs as much as not to
     */
    public double relative(FreezeState state, boolean held) {
        return operations(state, held) / everythingLive;
    }

    /** Every declared group live. */
    FreezeState allLive() {
        TreeMap<String, GroupState> states = new TreeMap<>();
        manifest.groups().forEach(group -> states.put(group.name(), GroupState.LIVE));
        return new FreezeState(states);
    }

    /**
     * Operations of forward and backward for an average row, without padding.
     *
     * @param held whether what enters the lowest live stage is kept already
     */
    double operations(FreezeState state, boolean held) {
        double sum = 0;
        for (Map.Entry<Integer, Long> entry : lengths.lengths().entrySet()) {
            sum += entry.getValue() * operations(state, held, entry.getKey());
        }
        return sum / lengths.examples();
    }

    private double operations(FreezeState state, boolean held, int length) {
        int lowest = lowestStage(state);
        int first = held ? lowest : 0;
        double sum = 0;
        for (int stage = first; stage < work.stages(); stage++) {
            sum += work.forward(stage, length) + (stage >= lowest ? work.backward(stage, length, stage == lowest) : 0);
        }
        for (LoraGroup group : manifest.groups()) {
            GroupState is = state.of(group.name());
            for (LoraModule module : group.modules()) {
                int stage = encoder.stageOf(module.path());
                double product = product(module, length, is == GroupState.LIVE && drops(group));
                sum += stage < first ? 0 : product * passes(is, stage >= lowest);
            }
        }
        return sum;
    }

    /**
     * Operations of a forward pass for an average row, without padding: what validation takes.
     *
     * @param held whether what enters the lowest live stage is kept already
     */
    double forwardOperations(FreezeState state, boolean held) {
        int first = held ? lowestStage(state) : 0;
        double sum = 0;
        for (Map.Entry<Integer, Long> entry : lengths.lengths().entrySet()) {
            int length = entry.getKey();
            double row = 0;
            for (int stage = first; stage < work.stages(); stage++) {
                row += work.forward(stage, length);
            }
            for (LoraGroup group : manifest.groups()) {
                boolean counts = state.of(group.name()) != GroupState.DORMANT;
                for (LoraModule module : counts ? group.modules() : List.<LoraModule>of()) {
                    row += encoder.stageOf(module.path()) < first ? 0 : product(module, length, false);
                }
            }
            sum += entry.getValue() * row;
        }
        return sum / lengths.examples();
    }

    /** Operations of a LoRA pair's two products. */
    private double product(LoraModule module, int length, boolean dropsOut) {
        return 2.0 * variant.multiplyAdds(module) * work.vectors(module.path(), length, dropsOut);
    }

    private static boolean drops(LoraGroup group) {
        return group.settings().loraDropout() > 0;
    }

    /** How often the products of a LoRA pair are taken. */
    private static int passes(GroupState state, boolean backward) {
        return switch (state) {
            case DORMANT -> 0;
            case FROZEN -> backward ? 2 : 1;
            case LIVE -> 3;
        };
    }

    /** The same for the steps of several epochs, on average. */
    double relative(List<PlannedEpoch> epochs) {
        double sum = 0;
        long steps = 0;
        for (PlannedEpoch epoch : epochs) {
            for (Timeline.Stretch stretch : epoch.stretches()) {
                sum += stretch.steps() * relative(stretch.state(), epoch.held());
                steps += stretch.steps();
            }
        }
        return sum / steps;
    }

    /** Bytes that a rank sends in the steps of several stretches. */
    public long allReduceBytes(List<Timeline.Stretch> stretches) {
        return stretches.stream()
                .mapToLong(stretch -> stretch.steps() * allReduceBytes(stretch.state()))
                .sum();
    }

    /** Numbers that train. */
    public long trainableParameters(FreezeState state) {
        return GradientLayout.of(manifest, state).size();
    }

    /** Bytes of one rank's gradient in an all-reduce: float32. */
    public long allReduceBytes(FreezeState state) {
        return trainableParameters(state) * Float.BYTES;
    }

    /** The lowest stage that trains, as {@link Encoder} counts; {@link Encoder#stages()}: the head alone. */
    public int lowestStage(FreezeState state) {
        return GradientLayout.of(manifest, state).lowestStage(encoder);
    }

    /** Name of the lowest stage that trains. */
    public String lowestLive(FreezeState state) {
        return encoder.stageName(lowestStage(state));
    }

    /**
     * Bytes of what a cache keeps of this many rows: one vector a token, or one a row where the first alone goes on.
     */
    public long prefixBytes(CachePlan cache, long rows) {
        if (!cache.isOn()) {
            return 0;
        }
        double vectors = encoder.firstTokenEnters(cache.stage()) ? 1 : lengths.meanLength();
        return Math.round(
                rows * vectors * encoder.hiddenSize() * cache.precision().bytes());
    }

    /** Bytes that autograd keeps for this many rows, all as long as the longest, at the turn from forward to backward. */
    public long keptBytes(FreezeState state, int rows) {
        int longest = lengths.longest();
        double sum = 0;
        for (int stage = lowestStage(state); stage < work.stages(); stage++) {
            sum += work.kept(stage, longest);
        }
        for (String live : state.in(GroupState.LIVE)) {
            LoraGroup group = manifest.group(live).orElseThrow();
            for (LoraModule module : group.modules()) {
                // Where the input of A is dropped out, mask and product are kept.
                int input = drops(group) ? 2 * module.inFeatures() : 0;
                sum += (double) work.vectors(module.path(), longest, drops(group)) * (input + module.loraRank());
            }
        }
        return Math.round(rows * sum * Float.BYTES);
    }

    /** Bytes of values, gradient and both moments of what trains, and of the values of what is frozen. */
    public long stateBytes(FreezeState state) {
        long frozen = state.in(GroupState.FROZEN).stream()
                .flatMap(group -> manifest.tensors(group).stream())
                .mapToLong(tensor -> tensor.size())
                .sum();
        return (4 * trainableParameters(state) + frozen) * Float.BYTES;
    }
}
