package org.sparklora.worker.train;

import java.io.Serializable;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeSet;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder;

/**
 * How gradients become updates.
 *
 * <p>LoRA+ (Hayou et al. 2024, arXiv:2402.12354) lets B learn faster than A. The faster tensors are those of PEFT's {@code
 * create_loraplus_optimizer}: every lora_B and every tensor of one dimension, that is the biases, the head's too. A and the
 * head's weight keep the group's rate. Decoupled decay scales with a tensor's own rate, as in {@code torch.optim.AdamW}.
 *
 * @param learningRate training.learning_rate, before schedule, group scale and warm-up
 * @param schedule the factor on the learning rate at each step of the run
 * @param adamW the update rule
 * @param maxGradNorm limit on the global gradient norm; infinite: no clipping
 * @param loraPlusRatio learning rate of B over that of A, above 0; 1 is plain LoRA
 */
public record OptimizerSettings(
        double learningRate, LearningRateSchedule schedule, AdamW adamW, double maxGradNorm, double loraPlusRatio)
        implements Serializable {

    /** @throws IllegalArgumentException if the LoRA+ ratio is not a number above 0 */
    public OptimizerSettings {
        if (!(loraPlusRatio > 0.0) || Double.isInfinite(loraPlusRatio)) {
            throw new IllegalArgumentException("loraplus_lr_ratio " + loraPlusRatio + " must be a number above 0");
        }
    }

    /**
     * Settings without LoRA+.
     *
     * @param maxGradNorm limit on the global gradient norm; empty: no clipping
     */
    public OptimizerSettings(
            double learningRate, LearningRateSchedule schedule, AdamW adamW, OptionalDouble maxGradNorm) {
        this(learningRate, schedule, adamW, maxGradNorm.orElse(Double.POSITIVE_INFINITY), 1.0);
    }

    /** The same with LoRA+. */
    public OptimizerSettings withLoraPlus(double ratio) {
        return new OptimizerSettings(learningRate, schedule, adamW, maxGradNorm, ratio);
    }

    /**
     * Names of the tensors that weight decay leaves out.
     *
     * @param biases whether biases are left out
     * @param norms whether weights and biases of layer normalizations are left out
     * @param vectors whether all tensors of one dimension are left out, as PEFT does with LoRA+
     */
    public static Set<String> undecayed(
            LoraManifest manifest, Encoder encoder, boolean biases, boolean norms, boolean vectors) {
        Set<String> names = new TreeSet<>();
        for (String group : manifest.names()) {
            for (TensorSpec tensor : manifest.tensors(group)) {
                boolean bias = biases && tensor.name().endsWith("bias");
                boolean norm = norms && encoder.isNorm(tensor.name());
                if (bias || norm || (vectors && tensor.shape().size() == 1)) {
                    names.add(tensor.name());
                }
            }
        }
        return names;
    }

    /** The learning rate of a tensor, given that of its group at this step. */
    double rate(TensorSpec tensor, double groupRate) {
        boolean faster = LoraModule.isLoraB(tensor.name()) || tensor.shape().size() == 1;
        return faster ? groupRate * loraPlusRatio : groupRate;
    }
}
