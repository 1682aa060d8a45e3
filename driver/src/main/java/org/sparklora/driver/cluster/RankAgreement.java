package org.sparklora.driver.cluster;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeSet;

/** Checks that all ranks hold the same bits after a segment, by the digests of each group. */
final class RankAgreement {

    private RankAgreement() {}

    /**
     * The digests of one rank.
     *
     * @param digests SHA-256 by group
     */
    record Claim(int rank, String host, SortedMap<String, String> digests) {}

    /**
     * Compares the digests of all ranks.
     *
     * @param step global number of the segment's first step
     * @throws RankMismatchException naming the first group, by name, and the first two ranks that differ
     */
    static void require(List<Claim> ranks, long step) {
        Claim first = ranks.get(0);
        for (Claim other : ranks) {
            TreeSet<String> groups = new TreeSet<>(first.digests().keySet());
            groups.addAll(other.digests().keySet());
            for (String group : groups) {
                String one = first.digests().getOrDefault(group, "none");
                String two = other.digests().getOrDefault(group, "none");
                if (!one.equals(two)) {
                    throw new RankMismatchException("after the steps from " + step + " on, group '" + group
                            + "' differs between rank " + first.rank() + " (" + first.host() + ") and rank "
                            + other.rank() + " (" + other.host() + "), although processors with the same instructions"
                            + " compute them: one of the two values was corrupted, in memory or on its way. Run again"
                            + " with --resume; if it happens again on one host, check its memory and take it out");
                }
            }
        }
    }
}
