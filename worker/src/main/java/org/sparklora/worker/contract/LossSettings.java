package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.List;

/**
 * How the training loss differs from the task's plain loss. Validation uses the plain loss, so that its values can be compared
 * between runs with different settings.
 *
 * @param labelSmoothing label_smoothing_factor, [0, 1)
 * @param focalGamma exponent of the focal loss (Lin et al. 2017, arXiv:1708.02002); 0: none
 * @param classWeights a factor for each class in the order of the head's outputs, as {@code weight} of PyTorch's
 *     CrossEntropyLoss; empty: none
 */
public record LossSettings(double labelSmoothing, double focalGamma, List<Float> classWeights) implements Serializable {

    /** The task's plain loss. */
    public static final LossSettings PLAIN = new LossSettings(0, 0, List.of());

    public LossSettings {
        classWeights = List.copyOf(classWeights);
    }

    /** The weight of a class. */
    public float weight(int label) {
        return classWeights.isEmpty() ? 1f : classWeights.get(label);
    }
}
