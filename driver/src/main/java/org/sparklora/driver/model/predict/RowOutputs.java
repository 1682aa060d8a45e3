package org.sparklora.driver.model.predict;

import java.io.Serializable;

/** What a model writes beside a row. */
public interface RowOutputs extends Serializable {

    /** Number of columns. */
    int width();

    /** Their values in order, from a row's logits [C]. */
    Object[] of(float[] logits);
}
