package org.sparklora.driver.manifest;

import java.util.Collection;
import java.util.Optional;
import java.util.TreeSet;

/** "Did you mean": the known name closest to a given one. */
public final class NearMiss {

    private NearMiss() {}

    /** The candidate with the fewest edits, when those are few for the name's length; ties go to the first by name. */
    public static Optional<String> of(String given, Collection<String> candidates) {
        int fewest = Math.min(given.length() / 2, Math.max(2, given.length() / 8)) + 1;
        String closest = "";
        for (String candidate : new TreeSet<>(candidates)) {
            int edits = edits(given, candidate);
            if (edits < fewest) {
                fewest = edits;
                closest = candidate;
            }
        }
        return closest.isEmpty() ? Optional.empty() : Optional.of(closest);
    }

    /** Levenshtein distance. */
    static int edits(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
