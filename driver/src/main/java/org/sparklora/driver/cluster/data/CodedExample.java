package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import org.sparklora.worker.data.Example;

/** An example and whether its text was cut. */
final class CodedExample implements Serializable {

    private static final long serialVersionUID = 1L;

    final Example example;
    final boolean truncated;

    CodedExample(Example example, boolean truncated) {
        this.example = example;
        this.truncated = truncated;
    }
}
