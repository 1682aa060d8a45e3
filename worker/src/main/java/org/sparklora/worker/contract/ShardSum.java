package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.Arrays;
import java.util.List;

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
    private final PackedFloats gradient;

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
        this.gradient = new PackedFloats(gradient);
    }

    /** The sum of nothing, for this many trainable parameters. */
    public static ShardSum zero(int parameters) {
        return new ShardSum(0, 0, 0, Padding.NONE, new float[parameters]);
    }

    /** A copy with one of {@code count} ranges of the gradient; the other numbers are those of the whole. */
    public ShardSum range(int index, int count) {
        long values = gradient().length;
        float[] cut =
                Arrays.copyOfRange(gradient(), (int) (values * index / count), (int) (values * (index + 1) / count));
        return new ShardSum(loss, weight, examples, padding, cut);
    }

    /** Joins the ranges of one sum, in order. */
    public static ShardSum joined(List<ShardSum> ranges) {
        ShardSum first = ranges.get(0);
        float[] whole = new float
                [ranges.stream().mapToInt(range -> range.gradient().length).sum()];
        int at = 0;
        for (ShardSum range : ranges) {
            System.arraycopy(range.gradient(), 0, whole, at, range.gradient().length);
            at += range.gradient().length;
        }
        return new ShardSum(first.loss, first.weight, first.examples, first.padding, whole);
    }

    /**
     * Adds another sum to this one and returns this one.
     *
     * @throws IllegalArgumentException if the gradients differ in length
     */
    public ShardSum add(ShardSum other) {
        if (other.gradient().length != gradient().length) {
            throw new IllegalArgumentException("cannot add a gradient of " + other.gradient().length
                    + " values to one of " + gradient().length + ": they are of different epoch plans");
        }
        addScalars(other);
        addRange(other.gradient(), 0, 0, gradient().length);
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
        float[] sum = gradient();
        for (int i = 0; i < count; i++) {
            sum[at + i] += values[source + i];
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
        return gradient.values();
    }
}
