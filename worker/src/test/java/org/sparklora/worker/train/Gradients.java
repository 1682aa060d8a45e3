package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;

import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezePlan.Slot;

/** Compares gradients tensor by tensor. */
public final class Gradients {

    private Gradients() {}

    /** Each tensor's gradient points in the same direction and is as long, within 15 %. */
    public static void assertNear(FreezePlan plan, float[] gradient, float[] expected, double cosine) {
        assertNear(plan, gradient, expected, cosine, 0.15);
    }

    /** @param length by how much of the expected length a gradient may be longer or shorter */
    static void assertNear(FreezePlan plan, float[] gradient, float[] expected, double cosine, double length) {
        for (Slot slot : plan.slots()) {
            double product = 0;
            double square = 0;
            double squareOfExpected = 0;
            for (int i = slot.offset(); i < slot.end(); i++) {
                product += (double) gradient[i] * expected[i];
                square += (double) gradient[i] * gradient[i];
                squareOfExpected += (double) expected[i] * expected[i];
            }
            String name = slot.tensor().name();
            if (name.endsWith("key.bias")) {
                // Softmax does not see what all keys have in common, so this gradient is rounding alone.
                continue;
            }
            assertThat(squareOfExpected).as(name).isPositive();
            assertThat(product / StrictMath.sqrt(square * squareOfExpected))
                    .as("cosine of " + name)
                    .isGreaterThan(cosine);
            // Rounding averages out less in a few values, as AdaLoRA's E has.
            double limit = slot.tensor().size() < 16 ? 2 * length : length;
            assertThat(StrictMath.sqrt(square / squareOfExpected))
                    .as("length of " + name)
                    .isBetween(1 - limit, 1 + limit);
        }
    }
}
