package org.sparklora.driver.cluster.data;

import java.util.Optional;
import org.sparklora.worker.data.Encoded;

/** Encodes labels that are numbers. */
final class RegressionLabels implements LabelCodec {

    private static final long serialVersionUID = 1L;

    @Override
    public Optional<Problem> problem(String text, String label) {
        return Decimals.isFinite(label)
                ? Optional.empty()
                : Optional.of(new Problem(
                        "data.label.invalid",
                        "label '" + label
                                + "' is not a finite number; correct it, or set model.task to classification"));
    }

    @Override
    public float[] values(Encoded tokens, String label) {
        return new float[] {(float) Decimals.parse(label)};
    }
}
