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
    private Padding padding;
    private final float[] gradient;

    /**
     * @param loss sum of weighted losses
     * @param weight sum of example weights
     * @param padding of the batches
     * @param gradient gradient of {@code loss} with respect to the trainable tensors, flat, in the order of the {@link FreezePlan}
     */
    public ShardSum(double loss, double weight, int examples, Padding padding, float[] gradient) {
        this.loss = loss;
        this.weight = weight;
        this.examples = examples;
        this.padding = padding;
        this.gradient = gradient;
    }

    /** The sum of nothing, for this many trainable parameters. */
    public static ShardSum zero(int parameters) {
        return new ShardSum(0, 0, 0, Padding.NONE, new float[parameters]);
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
        addScalars(other);
        addRange(other.gradient, 0, 0, gradient.length);
        return this;
    }

    /** Adds everything of another sum but its gradient. */
    public void addScalars(ShardSum other) {
        loss += other.loss;
        weight += other.weight;
        examples += other.examples;
        padding = padding.plus(other.padding);
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

    /** The padding of the rows' batches. */
    public Padding padding() {
        return padding;
    }

    /**
     * Gradient of {@link #loss} with respect to the trainable tensors, flat, in the order of the {@link FreezePlan}. The
     * array itself, not a copy.
     */
    public float[] gradient() {
        return gradient;
    }
}
