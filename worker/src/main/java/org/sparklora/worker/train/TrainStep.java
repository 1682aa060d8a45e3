package org.sparklora.worker.train;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.train.GradientLayout.Slot;
import org.sparklora.worker.train.StepReport.GroupReport;

/**
 * One optimizer step, in this order:
 *
 * <ol>
 *   <li>sum loss and gradient over all shards, by the exchange;
 *   <li>stop if anything is not finite, before any update;
 *   <li>divide once by the examples' weights;
 *   <li>norms per group and over all, then clip as {@code torch.nn.utils.clip_grad_norm_};
 *   <li>AdamW on every live tensor, at its group's learning rate; with LoRA+ B and biases at a multiple of it.
 * </ol>
 *
 * <p>The same sum on every rank gives the same update on every rank. Not thread-safe; one instance per freeze state.
 */
public final class TrainStep {

    private final TrainState state;
    private final OptimizerSettings optimizer;
    private final GradientLayout layout;

    /** Steps on a state; it changes with every step. To be made anew when a group freezes or thaws. */
    public TrainStep(TrainState state, OptimizerSettings optimizer) {
        this.state = state;
        this.optimizer = optimizer;
        this.layout = GradientLayout.of(state.manifest(), state.freeze());
    }

    /**
     * Runs one step.
     *
     * @param globalStep from 0 over the whole run; the learning-rate schedule's clock
     * @param epochStep from 0 within the epoch
     * @param exchange where the sum over all shards comes from
     * @throws DivergedException where the loss or a gradient is not finite; nothing was updated then
     */
    public StepReport run(long globalStep, int epochStep, GradientExchange exchange) {
        ShardSum sum = exchange.sum(epochStep, layout.flatten(state.snapshot()));
        float[] gradient = sum.gradient();
        if (gradient.length != layout.size()) {
            throw new IllegalStateException("step " + globalStep + ": the exchange answered " + gradient.length
                    + " gradient values, but " + layout.size() + " are live");
        }

        // A batch whose weights are all zero has a gradient of zeros: there is nothing to divide.
        double divisor = sum.weight() == 0.0 ? 1.0 : sum.weight();
        float loss = (float) (sum.loss() / divisor);
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] = (float) (gradient[i] / divisor);
        }

        SortedMap<String, Double> squares = squaresByGroup(gradient);
        double norm = StrictMath.sqrt(
                squares.values().stream().mapToDouble(Double::doubleValue).sum());
        refuseNonFinite(globalStep, loss, squares);
        clip(gradient, norm);

        TreeMap<String, GroupReport> groups = new TreeMap<>();
        layout.byGroup().forEach((group, slots) -> {
            double rate = learningRate(group, globalStep);
            slots.forEach(slot -> update(slot, gradient, rate));
            state.countStep(group);
            groups.put(group, new GroupReport((float) StrictMath.sqrt(squares.getOrDefault(group, 0.0)), rate));
        });
        return new StepReport(globalStep, loss, sum.examples(), (float) norm, groups);
    }

    /** Where each live tensor lies in the gradient. */
    public GradientLayout layout() {
        return layout;
    }

    private SortedMap<String, Double> squaresByGroup(float[] gradient) {
        TreeMap<String, Double> squares = new TreeMap<>();
        for (Slot slot : layout.slots()) {
            double sum = 0;
            for (int i = slot.offset(); i < slot.offset() + slot.tensor().size(); i++) {
                sum += (double) gradient[i] * gradient[i];
            }
            squares.merge(slot.group(), sum, Double::sum);
        }
        return squares;
    }

    private void refuseNonFinite(long step, float loss, SortedMap<String, Double> squares) {
        List<String> groups = squares.entrySet().stream()
                .filter(e -> !Double.isFinite(e.getValue()))
                .map(e -> e.getKey())
                .toList();
        if (Float.isFinite(loss) && groups.isEmpty()) {
            return;
        }
        String where = groups.isEmpty()
                ? ""
                : "; gradients that are not finite: "
                        + groups.stream().collect(Collectors.joining("', '", "group '", "'"));
        String advice = step == 0
                ? "No step was done before: look at the weights of the base model and of lora.init_adapter, and at"
                : "Lower training.learning_rate, set training.max_grad_norm, or look at";
        throw new DivergedException("diverged at step " + step + ": the loss is " + loss + where
                + ". Nothing was updated. " + advice + " the labels of this step's rows");
    }

    private void clip(float[] gradient, double norm) {
        if (optimizer.maxGradNorm().isEmpty()) {
            return;
        }
        float factor = (float) Math.min(1.0, optimizer.maxGradNorm().getAsDouble() / (norm + 1e-6));
        if (factor < 1f) {
            for (int i = 0; i < gradient.length; i++) {
                gradient[i] *= factor;
            }
        }
    }

    private void update(Slot slot, float[] gradient, double groupRate) {
        String name = slot.tensor().name();
        double rate = optimizer.rate(slot.tensor(), groupRate);
        optimizer.adamW().update(state.mutableValues(name), state.moments(name), gradient, slot.offset(), rate);
    }

    /** lr(g, i) = learning_rate · scale(g) · schedule(i) · min(1, (k + 1) / warmup(g)), k the steps since g's thaw. */
    private double learningRate(String group, long globalStep) {
        GroupSettings settings = state.manifest().settings(group);
        double warm = settings.warmupSteps() == 0
                ? 1.0
                : Math.min(1.0, (state.stepsSinceThaw(group) + 1.0) / settings.warmupSteps());
        return optimizer.learningRate() * optimizer.schedule().factor(globalStep) * settings.learningRateScale() * warm;
    }
}
