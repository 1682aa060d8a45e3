package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.sparklora.driver.job.text.NearMiss;
import org.sparklora.worker.contract.LoraManifest;

/** Checks a list of group names. */
final class GroupNames {

    private GroupNames() {}

    /** Problems with the lists of a policy that acts on {@code schedule.groups}; the caller may add to the list. */
    static List<String> problems(String name, FreezePolicy policy, Set<String> declared) {
        List<String> problems = new ArrayList<>();
        check("schedule.live", policy.live(), declared, problems);
        check("schedule.groups", policy.groups(), declared, problems);
        if (policy.groups().isEmpty()) {
            problems.add("schedule.groups names no group; list those that the policy " + name
                    + " acts on, the top one first");
        }
        return problems;
    }

    /** Reports names that are no declared group, and repetitions. */
    static void check(String key, List<String> names, Set<String> groups, List<String> problems) {
        Set<String> seen = new TreeSet<>();
        for (int i = 0; i < names.size(); i++) {
            String name = names.get(i);
            String where = key + "[" + i + "]='" + name + "'";
            if (name.equals(LoraManifest.HEAD) || name.equals(LoraManifest.BIAS)) {
                problems.add(where + " is an implicit group and always live; leave it out");
            } else if (!groups.contains(name)) {
                String hint = NearMiss.of(name, groups)
                        .map(near -> "did you mean '" + near + "'?")
                        .orElse("the groups are " + new TreeSet<>(groups));
                problems.add(where + " is not a group; " + hint);
            } else if (!seen.add(name)) {
                problems.add(where + " is listed twice");
            }
        }
    }
}
