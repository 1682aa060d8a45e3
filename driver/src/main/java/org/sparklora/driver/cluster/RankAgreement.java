package org.sparklora.driver.cluster;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeSet;

/** Whether all ranks hold the same bits after a segment, as their digests of each group say. */
final class RankAgreement {

    private RankAgreement() {}

    /**
     * What a rank says of itself.
     *
     * @param digests SHA-256 by group
     */
    record Claim(int rank, String host, SortedMap<String, String> digests) {}

    /**
     * Refuses ranks that do not all hold the same.
     *
     * @param step global number of the step that the segment began with
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
                            + other.rank() + " (" + other.host() + "): the machines compute differently. Use machines"
                            + " with one type of CPU, then go on with --resume");
                }
            }
        }
    }
}
