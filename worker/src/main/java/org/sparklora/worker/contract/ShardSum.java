package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * The contribution of a shard, or of a subtree of shards, to one optimizer step. They are sums; the step divides once, after
 * the last addition.
 *
 * <p>Owns its array; {@link #add} changes it in place.
 */
public final class ShardSum implements Serializable {

    private static final long serialVersionUID = 1L;

    private double loss;
    private double weight;
    private int examples;
    private final float[] gradient;

    /**
     * @param loss sum of weighted losses
     * @param weight sum of example weights
     * @param gradient gradient of {@code loss} with respect to the trainable tensors, flat, in the order of the {@link FreezePlan}
     */
    public ShardSum(double loss, double weight, int examples, float[] gradient) {
        this.loss = loss;
        this.weight = weight;
        this.examples = examples;
        this.gradient = gradient;
    }

    /**
     * Adds another sum to this one and returns this one.
     *
     * @throws IllegalArgumentException if the gradients differ in length
     */
    public ShardSum add(ShardSum other) {
        if (other.gradient.length != gradient.length) {
            throw new IllegalArgumentException("cannot add a gradient of " + other.gradient.length
                    + " values to one of " + gradient.length + ": they are of different epoch plans");
        }
        addScalars(other.loss, other.weight, other.examples);
        addRange(other.gradient, 0, 0, gradient.length);
        return this;
    }

    /** Adds the scalars of another sum, without its gradient. */
    public void addScalars(double otherLoss, double otherWeight, int otherExamples) {
        loss += otherLoss;
        weight += otherWeight;
        examples += otherExamples;
    }

    /** Adds {@code count} values, starting at {@code source}, to the gradient, starting at {@code at}. */
    public void addRange(float[] values, int source, int at, int count) {
        for (int i = 0; i < count; i++) {
            gradient[at + i] += values[source + i];
        }
    }

    /** Σ wᵢ · loss of example i, not divided yet. */
    public double loss() {
        return loss;
    }

    /** The divisor of loss and gradient: Σ wᵢ, for token heads over the labelled tokens. */
    public double weight() {
        return weight;
    }

    /** Rows, whatever their weights. */
    public int examples() {
        return examples;
    }

    /**
     * Gradient of {@link #loss} with respect to the trainable tensors, flat, in the order of the {@link FreezePlan}. The
     * array itself, not a copy.
     */
    public float[] gradient() {
        return gradient;
    }
}
