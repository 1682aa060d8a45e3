package org.sparklora.worker.train;

import java.io.Serializable;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;

/**
 * How gradients become updates. A class instead of a record, because OptionalDouble is not serializable.
 *
 * <p>LoRA+ (Hayou et al. 2024, arXiv:2402.12354) lets B learn faster than A. The faster tensors are those of PEFT's {@code
 * create_loraplus_optimizer}: every lora_B and every tensor of one dimension, that is the biases, the head's too. A and the
 * head's weight keep the group's rate. Weight decay applies to every tensor as without LoRA+, while PEFT has its own {@code
 * loraplus_weight_decay} (default 0) and never decays biases. Decoupled decay scales with a tensor's own rate, as in {@code
 * torch.optim.AdamW}.
 */
public final class OptimizerSettings implements Serializable {

    private static final long serialVersionUID = 1L;

    private final double learningRate;
    private final LearningRateSchedule schedule;
    private final AdamW adamW;
    private final @Nullable Double maxGradNorm;
    private final double loraPlusRatio;

    /**
     * Settings without LoRA+.
     *
     * @param maxGradNorm limit on the global gradient norm; empty: no clipping
     */
    public OptimizerSettings(
            double learningRate, LearningRateSchedule schedule, AdamW adamW, OptionalDouble maxGradNorm) {
        this(learningRate, schedule, adamW, maxGradNorm.isPresent() ? maxGradNorm.getAsDouble() : null, 1.0);
    }

    private OptimizerSettings(
            double learningRate,
            LearningRateSchedule schedule,
            AdamW adamW,
            @Nullable Double maxGradNorm,
            double loraPlusRatio) {
        this.learningRate = learningRate;
        this.schedule = schedule;
        this.adamW = adamW;
        this.maxGradNorm = maxGradNorm;
        this.loraPlusRatio = loraPlusRatio;
    }

    /**
     * The same with LoRA+.
     *
     * @param ratio learning rate of B over that of A, above 0; 1 is plain LoRA
     */
    public OptimizerSettings withLoraPlus(double ratio) {
        if (!(ratio > 0.0) || Double.isInfinite(ratio)) {
            throw new IllegalArgumentException("loraplus_lr_ratio " + ratio + " must be a number above 0");
        }
        return new OptimizerSettings(learningRate, schedule, adamW, maxGradNorm, ratio);
    }

    /** training.learning_rate, before schedule, group scale and warm-up. */
    public double learningRate() {
        return learningRate;
    }

    /** The factor on the learning rate at each step of the run. */
    public LearningRateSchedule schedule() {
        return schedule;
    }

    /** The learning rate of a tensor, given that of its group at this step. */
    double rate(TensorSpec tensor, double groupRate) {
        boolean faster = LoraModule.isLoraB(tensor.name()) || tensor.shape().size() == 1;
        return faster ? groupRate * loraPlusRatio : groupRate;
    }

    /** The update rule. */
    public AdamW adamW() {
        return adamW;
    }

    /** Limit on the global gradient norm; empty: no clipping. */
    public OptionalDouble maxGradNorm() {
        return maxGradNorm == null ? OptionalDouble.empty() : OptionalDouble.of(maxGradNorm);
    }
}
