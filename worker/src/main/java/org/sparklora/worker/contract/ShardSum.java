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

    /** Adds another sum to this one and returns this one. */
    public ShardSum add(ShardSum other) {
        if (other.gradient.length != gradient.length) {
            throw new IllegalArgumentException("cannot add a gradient of " + other.gradient.length
                    + " values to one of " + gradient.length + ": the two sides follow different epoch plans");
        }
        loss += other.loss;
        weight += other.weight;
        examples += other.examples;
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] += other.gradient[i];
        }
        return this;
    }

    public double loss() {
        return loss;
    }

    public double weight() {
        return weight;
    }

    public int examples() {
        return examples;
    }

    /** The array itself, not a copy. */
    public float[] gradient() {
        return gradient;
    }
}
