package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * What a shard, or a subtree of shards, contributes to one optimizer step: sums, to be divided once after the last
 * addition.
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
     * @param gradient gradient of {@code loss} by the live tensors, flat, in the order of the epoch's layout
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
     * @throws IllegalArgumentException where the gradients differ in length
     */
    public ShardSum add(ShardSum other) {
        if (other.gradient.length != gradient.length) {
            throw new IllegalArgumentException("cannot add a gradient of " + other.gradient.length
                    + " values to one of " + gradient.length + ": the two sides follow different epoch plans");
        }
        addScalars(other.loss, other.weight, other.examples);
        addRange(other.gradient, 0, 0, gradient.length);
        return this;
    }

    /** Adds what another sum has besides its gradient. */
    public void addScalars(double otherLoss, double otherWeight, int otherExamples) {
        loss += otherLoss;
        weight += otherWeight;
        examples += otherExamples;
    }

    /** Adds {@code count} values, read from {@code source} on, to the gradient from {@code at} on. */
    public void addRange(float[] values, int source, int at, int count) {
        for (int i = 0; i < count; i++) {
            gradient[at + i] += values[source + i];
        }
    }

    /** Σ wᵢ · loss of example i, not divided yet. */
    public double loss() {
        return loss;
    }

    /** What the loss, and with it the gradient, is to be divided by: Σ wᵢ, of tokens over those that count. */
    public double weight() {
        return weight;
    }

    /** Rows, whatever their weights. */
    public int examples() {
        return examples;
    }

    /**
     * Gradient of {@link #loss} by the live tensors, flat, in the order of the epoch's layout. The array itself, not a
     * copy.
     */
    public float[] gradient() {
        return gradient;
    }
}
