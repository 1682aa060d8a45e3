package org.sparklora.driver.job.manifest;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;

/** Numbers of layers as {@code layers_to_transform} writes them. */
public final class LayerRanges {

    private LayerRanges() {}

    /** Neighbours as one range, ascending: {@code 0-2}, {@code 11}. */
    public static List<String> of(Collection<Integer> layers) {
        TreeSet<Integer> sorted = new TreeSet<>(layers);
        List<String> ranges = new ArrayList<>();
        for (int first : sorted) {
            if (!sorted.contains(first - 1)) {
                int last = first;
                while (sorted.contains(last + 1)) {
                    last++;
                }
                ranges.add(first == last ? String.valueOf(first) : first + "-" + last);
            }
        }
        return ranges;
    }
}
