package org.sparklora.driver.job.config;

import java.util.OptionalDouble;

/**
 * A dropout probability, or {@code model}: the value in the model's config.json.
 *
 * @param rate [0, 1); empty: the model's own
 */
public record DropoutSetting(OptionalDouble rate) {

    /** No dropout. */
    public static final DropoutSetting NONE = of(0.0);

    /** The model's own value. */
    public static final DropoutSetting MODEL = new DropoutSetting(OptionalDouble.empty());

    /** A fixed probability. */
    public static DropoutSetting of(double rate) {
        return new DropoutSetting(OptionalDouble.of(rate));
    }

    /** The probability, given the model's own. */
    public double or(double modelsOwn) {
        return rate.orElse(modelsOwn);
    }
}
