package org.sparklora.worker.train;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Set;

/**
 * AdamW with PyTorch's semantics and order of operations (Loshchilov and Hutter 2017, arXiv:1711.05101; {@code
 * torch.optim.AdamW}, single-tensor form): decoupled weight decay, bias correction by the tensor's own step count.
 *
 * @param beta1 decay of the first moment, [0, 1)
 * @param beta2 decay of the second moment, [0, 1)
 * @param epsilon added to the root of the second moment, after its bias correction
 * @param weightDecay fraction of a value, times the learning rate, that each step subtracts
 * @param undecayed names of the tensors without weight decay
 */
public record AdamW(double beta1, double beta2, double epsilon, double weightDecay, Set<String> undecayed)
        implements Serializable {

    public AdamW {
        undecayed = Set.copyOf(undecayed);
    }

    /** With weight decay of every tensor. */
    public AdamW(double beta1, double beta2, double epsilon, double weightDecay) {
        this(beta1, beta2, epsilon, weightDecay, Set.of());
    }

    /** First and second moment of one tensor, and the number of updates it has had. */
    public static final class Moments implements Serializable {

        private static final long serialVersionUID = 1L;

        final float[] first;
        final float[] second;
        int steps;

        /** Zero moments. */
        public Moments(int size) {
            this(new float[size], new float[size], 0);
        }

        /**
         * Moments of so many updates, copied; one value for each of the tensor, row-major.
         *
         * @throws IllegalArgumentException where they differ in length
         */
        public Moments(float[] first, float[] second, int steps) {
            if (first.length != second.length) {
                throw new IllegalArgumentException("a first moment of " + first.length + " values and a second of "
                        + second.length + " differ in length");
            }
            this.first = first.clone();
            this.second = second.clone();
            this.steps = steps;
        }

        /** A copy of exp_avg. */
        public float[] first() {
            return first.clone();
        }

        /** A copy of exp_avg_sq. */
        public float[] second() {
            return second.clone();
        }

        Moments copy() {
            return new Moments(first, second, steps);
        }

        void decay(float factor) {
            for (int i = 0; i < first.length; i++) {
                first[i] *= factor;
                second[i] *= factor;
            }
        }

        /** Updates so far: PyTorch's {@code step}, which bias correction uses. */
        public int steps() {
            return steps;
        }

        /** The same bits, and as many updates. */
        @Override
        public boolean equals(Object o) {
            return o instanceof Moments other
                    && steps == other.steps
                    && Arrays.equals(first, other.first)
                    && Arrays.equals(second, other.second);
        }

        @Override
        public int hashCode() {
            return 31 * (31 * steps + Arrays.hashCode(first)) + Arrays.hashCode(second);
        }
    }

    /** The rule for one tensor. */
    AdamW of(String tensor) {
        return undecayed.contains(tensor) ? new AdamW(beta1, beta2, epsilon, 0) : this;
    }

    /**
     * One update in place.
     *
     * @param values of the tensor, row-major
     * @param moments of the tensor; they change, too
     * @param gradient flat gradient; this tensor's part starts at {@code offset}
     * @param learningRate of this tensor in this step, all factors included
     */
    public void update(float[] values, Moments moments, float[] gradient, int offset, double learningRate) {
        int step = ++moments.steps;
        double correction1 = 1.0 - StrictMath.pow(beta1, step);
        double correction2 = 1.0 - StrictMath.pow(beta2, step);
        float decay = (float) (1.0 - learningRate * weightDecay);
        float stepSize = (float) (learningRate / correction1);
        float rootCorrection2 = (float) StrictMath.sqrt(correction2);
        float b1 = (float) beta1;
        float b1Complement = (float) (1.0 - beta1);
        float b2 = (float) beta2;
        float b2Complement = (float) (1.0 - beta2);
        float eps = (float) epsilon;
        float[] m = moments.first;
        float[] v = moments.second;
        for (int i = 0; i < values.length; i++) {
            float g = gradient[offset + i];
            m[i] = b1 * m[i] + b1Complement * g;
            v[i] = b2 * v[i] + b2Complement * (g * g);
            float denominator = (float) Math.sqrt(v[i]) / rootCorrection2 + eps;
            values[i] = decay * values[i] - stepSize * (m[i] / denominator);
        }
    }
}
