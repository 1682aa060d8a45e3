package org.sparklora.driver.job.manifest;

import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;

/**
 * What {@code manifest.json} holds.
 *
 * @param state the state of every declared group
 * @param tensorDigests SHA-256 of each group's tensors, by group name, implicit groups included; never of a dormant group
 * @param baseModelSha256 digest of the base model's weights
 * @param labels label texts in the order of the head's outputs, whether the job named them or the data did; empty for
 *     regression, and in a file of a build that did not write them
 */
public record ManifestFile(
        LoraManifest manifest,
        FreezeState state,
        SortedMap<String, String> tensorDigests,
        String baseModelSha256,
        List<String> labels) {

    public ManifestFile {
        labels = List.copyOf(labels);
        tensorDigests = Collections.unmodifiableSortedMap(new TreeMap<>(tensorDigests));
        Set<String> declared = manifest.groups().stream().map(LoraGroup::name).collect(Collectors.toSet());
        if (!state.states().keySet().equals(declared)) {
            throw new IllegalArgumentException("the freeze state names the groups "
                    + state.states().keySet() + " where the manifest declares " + manifest.names());
        }
        for (String group : tensorDigests.keySet()) {
            if (!manifest.names().contains(group)) {
                throw new IllegalArgumentException("a digest is given for '" + group + "', which is no group");
            }
            if (state.of(group) == GroupState.DORMANT) {
                throw new IllegalArgumentException(
                        "a digest is given for the dormant group '" + group + "', which has no tensors");
            }
        }
    }

    /** Names of the groups that are not dormant, implicit groups included. */
    public SortedSet<String> active() {
        SortedSet<String> active = new TreeSet<>(manifest.names());
        active.removeAll(state.in(GroupState.DORMANT));
        return active;
    }
}
