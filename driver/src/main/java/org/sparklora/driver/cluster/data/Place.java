package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.Comparator;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * A place in the input. Places are ordered by file, as Spark orders text, then by offset.
 *
 * @param offset a row's number, or the byte of a file at which a split begins
 */
record Place(String file, long offset) implements Serializable, Comparable<Place> {

    private static final Comparator<Place> ORDER = Comparator.<Place, UTF8String>comparing(
                    place -> UTF8String.fromString(place.file))
            .thenComparingLong(Place::offset);

    @Override
    public int compareTo(Place other) {
        return ORDER.compare(this, other);
    }

    /** Whether another place is in the same file and behind this one. */
    boolean isFollowedBy(Place other) {
        return offset < other.offset && file.equals(other.file);
    }
}
