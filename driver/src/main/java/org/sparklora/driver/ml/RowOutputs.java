package org.sparklora.driver.ml;

import java.io.Serializable;

/** What a model writes beside a row. */
interface RowOutputs extends Serializable {

    /** Number of columns. */
    int width();

    /** Their values in order, from a row's logits [C]. */
    Object[] of(float[] logits);
}
