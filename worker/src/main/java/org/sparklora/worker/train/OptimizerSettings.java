package org.sparklora.worker.train;

import java.io.Serializable;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;

/**
 * How gradients become updates. A class and not a record, because Java's OptionalDouble does not serialise.
 *
 * <p>LoRA+ (Hayou et al. 2024, arXiv:2402.12354) lets B learn faster than A. Which tensors do follows PEFT's {@code
 * create_loraplus_optimizer}: every lora_B and every tensor of one dimension, which are the biases, the head's too; A and
 * the head's weight keep the group's rate. Weight decay stays the job's for every tensor, as without LoRA+, where PEFT has
 * a {@code loraplus_weight_decay} of its own (0 unless given) and never decays biases. Decoupled decay goes with a
 * tensor's own rate, as in {@code torch.optim.AdamW}.
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

    /** The job's, before schedule, group scale and warm-up. */
    public double learningRate() {
        return learningRate;
    }

    /** The factor on it at each step of the run. */
    public LearningRateSchedule schedule() {
        return schedule;
    }

    /** A tensor's own learning rate, given that of its group at this step. */
    double rate(TensorSpec tensor, double groupRate) {
        boolean faster = LoraModule.isLoraB(tensor.name()) || tensor.shape().size() == 1;
        return faster ? groupRate * loraPlusRatio : groupRate;
    }

    /** The rule of an update. */
    public AdamW adamW() {
        return adamW;
    }

    /** Limit on the global gradient norm; empty: no clipping. */
    public OptionalDouble maxGradNorm() {
        return maxGradNorm == null ? OptionalDouble.empty() : OptionalDouble.of(maxGradNorm);
    }
}
