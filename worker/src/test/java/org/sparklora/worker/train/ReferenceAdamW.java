package org.sparklora.worker.train;

/**
 * AdamW of one number in double precision, as the paper writes it (arXiv:1711.05101, algorithm 2, decoupled decay), for
 * expected values.
 */
final class ReferenceAdamW {

    static final double BETA1 = 0.9;
    static final double BETA2 = 0.999;
    static final double EPSILON = 1e-8;

    double value;
    double first;
    double second;
    int steps;

    ReferenceAdamW(double value) {
        this.value = value;
    }

    void step(double gradient, double rate, double weightDecay) {
        steps++;
        first = BETA1 * first + (1 - BETA1) * gradient;
        second = BETA2 * second + (1 - BETA2) * gradient * gradient;
        double unbiasedFirst = first / (1 - StrictMath.pow(BETA1, steps));
        double unbiasedSecond = second / (1 - StrictMath.pow(BETA2, steps));
        value = value - rate * weightDecay * value - rate * unbiasedFirst / (StrictMath.sqrt(unbiasedSecond) + EPSILON);
    }

    static OptimizerSettings settings(double rate, double weightDecay) {
        return new OptimizerSettings(
                rate,
                new LearningRateSchedule(LearningRateSchedule.Type.CONSTANT, 0, 100),
                new AdamW(BETA1, BETA2, EPSILON, weightDecay),
                java.util.OptionalDouble.empty());
    }
}
