package org.sparklora.worker.train;

import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezePlan.Slot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.train.StepReport.GroupReport;

/**
 * One optimizer step, in this order:
 *
 * <ol>
 *   <li>sum loss and gradient over all shards, through the exchange;
 *   <li>stop if anything is not finite, before any update;
 *   <li>divide once by the sum of example weights, and add what the LoRA variant adds to the loss;
 *   <li>compute the norm of each group and of all, then clip as {@code torch.nn.utils.clip_grad_norm_};
 *   <li>update every trainable tensor with AdamW at its group's learning rate; with LoRA+ at a multiple for B and biases;
 *   <li>with AdaLoRA, measure and drop triplets.
 * </ol>
 *
 * <p>Every rank has the same sum, so every rank computes the same update. Not thread-safe; one instance per freeze state.
 *
 * @param state changes with every step
 * @param plan the plan of the state's freeze state
 */
public record TrainStep(TrainState state, FreezePlan plan, OptimizerSettings optimizer) {

    /** @throws IllegalArgumentException if the plan is that of another freeze state */
    public TrainStep {
        if (!plan.state().equals(state.freeze())) {
            throw new IllegalArgumentException(
                    "the plan is for " + plan.state() + ", but the training state is in " + state.freeze());
        }
    }

    /**
     * Runs one step.
     *
     * @param globalStep from 0 over the whole run; the learning-rate schedule counts by it
     * @param epochStep from 0 within the epoch
     * @param exchange computes the sum over all shards
     * @throws DivergedException if the loss or a gradient is not finite; nothing is updated then
     */
    public StepReport run(long globalStep, int epochStep, GradientExchange exchange) {
        ShardSum sum = exchange.sum(epochStep, plan.flatten(state::mutableValues));
        float[] gradient = sum.gradient();
        if (gradient.length != plan.trainableParameters()) {
            throw new IllegalStateException("step " + globalStep + ": the exchange returned " + gradient.length
                    + " gradient values for " + plan.trainableParameters() + " trainable parameters");
        }

        // If all weights of a batch are zero, its gradient is zero and there is nothing to divide.
        double divisor = sum.weight() == 0.0 ? 1.0 : sum.weight();
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] = (float) (gradient[i] / divisor);
        }
        Optional<RankAllocator> ranks = state.ranks();
        float loss = (float) (sum.loss() / divisor)
                + ranks.map(of -> of.addOrthogonality(state, plan, gradient)).orElse(0f);

        SortedMap<String, Double> squares = squaresByGroup(gradient);
        double norm = StrictMath.sqrt(
                squares.values().stream().mapToDouble(Double::doubleValue).sum());
        requireFinite(globalStep, loss, squares);
        clip(gradient, norm);

        TreeMap<String, GroupReport> groups = new TreeMap<>();
        plan.slotsByGroup().forEach((group, slots) -> {
            double rate = learningRate(group, globalStep);
            slots.forEach(slot -> update(slot, gradient, rate));
            state.countStep(group);
            groups.put(group, new GroupReport((float) StrictMath.sqrt(squares.getOrDefault(group, 0.0)), rate));
        });
        Optional<RankAllocation> allocation = ranks.flatMap(of -> of.updated(globalStep, state, plan, gradient));
        StepReport.Rows rows = new StepReport.Rows(sum.examples(), sum.weight(), sum.padding());
        return new StepReport(globalStep, loss, rows, (float) norm, groups, allocation.orElse(null));
    }

    private SortedMap<String, Double> squaresByGroup(float[] gradient) {
        TreeMap<String, Double> squares = new TreeMap<>();
        for (Slot slot : plan.slots()) {
            double sum = 0;
            for (int i = slot.offset(); i < slot.end(); i++) {
                sum += (double) gradient[i] * gradient[i];
            }
            squares.merge(slot.group(), sum, Double::sum);
        }
        return squares;
    }

    private static void requireFinite(long step, float loss, SortedMap<String, Double> squares) {
        List<String> groups = squares.entrySet().stream()
                .filter(e -> !Double.isFinite(e.getValue()))
                .map(e -> e.getKey())
                .toList();
        if (Float.isFinite(loss) && groups.isEmpty()) {
            return;
        }
        String where = groups.isEmpty()
                ? ""
                : "; the gradient is not finite in "
                        + groups.stream().collect(Collectors.joining("', '", "group '", "'"));
        String advice = step == 0
                ? "This is the first step: check the weights of the base model and of lora.init_adapter, and"
                : "Lower training.learning_rate, set training.max_grad_norm, or check";
        throw new DivergedException(
                groups.isEmpty() ? "diverged.loss" : "diverged.gradient",
                "training diverged at step " + step + ": the loss is " + loss + where + ". Nothing was updated. "
                        + advice + " the labels of this step's rows");
    }

    private void clip(float[] gradient, double norm) {
        float factor = (float) Math.min(1.0, optimizer.maxGradNorm() / (norm + 1e-6));
        if (factor < 1f) {
            for (int i = 0; i < gradient.length; i++) {
                gradient[i] *= factor;
            }
        }
    }

    private void update(Slot slot, float[] gradient, double groupRate) {
        String name = slot.tensor().name();
        double rate = optimizer.rate(slot.tensor(), groupRate);
        optimizer
                .adamW()
                .of(name)
                .update(state.mutableValues(name), state.moments(name), gradient, slot.offset(), rate);
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
