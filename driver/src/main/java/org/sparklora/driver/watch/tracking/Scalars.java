package org.sparklora.driver.watch.tracking;

import java.time.Instant;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Numbers of one moment.
 *
 * @param step steps done by then: 1 after the first
 * @param values by name
 */
record Scalars(long step, Instant time, SortedMap<String, Double> values) {

    Scalars {
        values = Collections.unmodifiableSortedMap(new TreeMap<>(values));
    }
}
