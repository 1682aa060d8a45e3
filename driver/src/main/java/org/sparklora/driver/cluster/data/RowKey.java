package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.Comparator;
import org.sparklora.worker.contract.KeyedRandom;

/** Position of a row in the shuffled order: by key; equal keys by content and occurrence. */
final class RowKey implements Serializable, Comparable<RowKey> {

    private static final long serialVersionUID = 1L;

    private static final Comparator<RowKey> ORDER = Comparator.<RowKey, Long>comparing(
                    r -> r.key, Long::compareUnsigned)
            .thenComparing(r -> r.content)
            .thenComparingLong(r -> r.occurrence);

    final long key;
    private final ContentHash content;
    private final long occurrence;

    /** The key of the n-th row, from 0, among the rows with equal content. */
    RowKey(long seedKey, ContentHash content, long occurrence) {
        this.key = KeyedRandom.mix(content.key(seedKey), occurrence);
        this.content = content;
        this.occurrence = occurrence;
    }

    @Override
    public int compareTo(RowKey other) {
        return ORDER.compare(this, other);
    }
}
