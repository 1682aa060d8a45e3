package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.SortedMap;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.contract.ShardSum;

/**
 * The result of one task of a step.
 *
 * @param sums the sums of the task's complete subtrees, by node of {@code ShardTree}
 * @param times the time that each phase took
 */
public record StepPart(SortedMap<Integer, ShardSum> sums, PhaseTimes times) implements Serializable {}
