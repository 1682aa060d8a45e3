package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.List;
import org.sparklora.worker.contract.PhaseTimes;

/**
 * What one task brings of a step.
 *
 * @param sums of the complete subtrees that it holds
 * @param times what it spent its time on
 */
public record StepPart(List<SubtreeSum> sums, PhaseTimes times) implements Serializable {

    public StepPart {
        sums = List.copyOf(sums);
    }
}
