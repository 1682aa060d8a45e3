package org.sparklora.worker.train;

import java.io.Serializable;
import java.util.SortedMap;

/**
 * A change of AdaLoRA's masks after a step.
 *
 * @param budget triplets that all modules which have trained may keep together
 * @param kept how many triplets each of these modules keeps, by path
 */
public record RankAllocation(int budget, SortedMap<String, Integer> kept) implements Serializable {}
