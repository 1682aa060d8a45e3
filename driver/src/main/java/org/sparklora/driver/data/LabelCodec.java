package org.sparklora.driver.data;

import java.io.Serializable;
import java.util.Optional;

/** What a label's text means as a number. */
public sealed interface LabelCodec extends Serializable permits Labels, RegressionLabels {

    /** What is wrong with a label and what to do, or nothing. */
    Optional<String> problem(String label);

    /** Class index or value; the label must have no problem. */
    float encode(String label);
}
