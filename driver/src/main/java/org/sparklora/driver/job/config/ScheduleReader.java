package org.sparklora.driver.job.config;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.config.JobSection.Values;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.text.NearMiss;
import org.sparklora.worker.contract.LoraManifest;

/**
 * Reads the section {@code schedule}. Its groups must be declared, there or in {@code lora.groups}, and its events must be
 * legal in the order of epochs and steps.
 */
final class ScheduleReader {

    private static final String CONFLICT = "config.value.conflict";

    private final YamlSection s;
    private final LoraConfig lora;
    private final List<String> metrics;
    private final long seed;

    /** The groups that events add. */
    private final SortedMap<String, GroupConfig> added = new TreeMap<>();

    /** Whether every name in a list is the name of a group. */
    private boolean allDeclared = true;

    /**
     * @param lora with the groups of {@code lora.groups}
     * @param metrics the metrics of the job's validation; empty without validation data
     */
    ScheduleReader(YamlSection schedule, LoraConfig lora, List<String> metrics, long seed) {
        this.s = schedule;
        this.lora = lora;
        this.metrics = metrics;
        this.seed = seed;
    }

    /** The schedule, and the adapter with the groups that the schedule's events add. */
    record Read(ScheduleConfig schedule, LoraConfig lora) {}

    Read read() {
        Values values = JobKeyTable.SCHEDULE.read(s, policyKeys());
        Policy policy = values.get("policy");
        if (policy != Policy.EPOCHS && lora.method().isAdaptive()) {
            s.problem(CONFLICT, "policy", "must be epochs with peft_type: ADALORA, which has a schedule of its own");
        }
        List<YamlSection> sections = s.sections("events");
        List<List<String>> adds = addedGroups(sections);
        SortedMap<String, GroupConfig> allGroups = new TreeMap<>(added);
        allGroups.putAll(lora.groups());
        LoraConfig all = lora.withGroups(allGroups);
        List<String> live =
                declared(s, "live", values.get("live"), lora.groups().keySet());
        List<String> groups = groups(policy, values.get("groups"));
        List<EpochSchedule.Event> events = new ArrayList<>();
        for (int i = 0; i < sections.size(); i++) {
            events.add(event(sections.get(i), adds.get(i), allGroups.keySet(), groups));
        }
        FreezePolicy freezePolicy = policy(policy, live, groups);
        EpochSchedule schedule = new EpochSchedule(live, events);
        schedule.illegalMoves(schedule.initial(all.groups().keySet(), Set.of()), Integer.MAX_VALUE)
                .forEach(move -> sections.get(move.event()).problem("config.event.illegal", move.key(), move.what()));
        if (!groups.isEmpty() && s.has("live") && allDeclared) {
            freezePolicy.problems().forEach(line -> s.problemLine("config.policy.invalid", line));
        }
        return new Read(new ScheduleConfig(freezePolicy, events), all);
    }

    private static List<String> policyKeys() {
        return Arrays.stream(Policy.values())
                .flatMap(policy -> JobKeyTable.policy(policy).names().stream())
                .toList();
    }

    /** The names of the groups that each event adds, without those that are declared already. */
    private List<List<String>> addedGroups(List<YamlSection> events) {
        Map<String, String> homes = new HashMap<>();
        lora.groups().keySet().forEach(name -> homes.put(name, "lora.groups"));
        List<List<String>> names = new ArrayList<>();
        for (YamlSection event : events) {
            YamlSection add = event.section("add");
            List<String> ofEvent = new ArrayList<>();
            for (String name : add.keys()) {
                GroupConfig group = LoraReader.group(add, name, lora);
                String home = homes.putIfAbsent(name, event.path("add"));
                if (home == null) {
                    added.put(name, group);
                    ofEvent.add(name);
                } else {
                    add.problem(
                            "config.group.duplicate", name, "is declared in " + home + " too; remove one of the two");
                }
            }
            names.add(ofEvent);
        }
        return names;
    }

    private List<String> groups(Policy policy, List<String> given) {
        if (policy == Policy.EPOCHS) {
            if (s.has("groups")) {
                refuseKey("groups", policy, "gradual, plateau, lisa and autofreeze");
            }
            return List.of();
        }
        if (s.isEmpty("groups")) {
            JobKeyTable.SCHEDULE.key("groups").reportMissing(s);
        }
        return declared(s, "groups", given, lora.groups().keySet());
    }

    /** Reads the keys of the policy; those of other policies are problems. */
    private FreezePolicy policy(Policy policy, List<String> live, List<String> groups) {
        for (Policy other : Policy.values()) {
            JobKeyTable.policy(other).names().stream()
                    .filter(key -> other != policy && s.has(key))
                    .forEach(key -> refuseKey(key, policy, other.label()));
        }
        // Unknown keys were reported with those of the schedule.
        Values values = JobKeyTable.policy(policy).read(s, List.copyOf(s.keys()));
        if (policy == Policy.PLATEAU) {
            checkMetric(values.get("metric"));
        }
        if (policy == Policy.LISA) {
            // A single group alone must not refuse a job.
            values.setDefault("sample", Math.max(1, Math.min(2, groups.size())));
        }
        return values.to(policy.type(), Map.of("live", live, "groups", groups, "events", List.of(), "seed", seed));
    }

    private void refuseKey(String key, Policy policy, String owners) {
        s.problem(
                CONFLICT,
                key,
                "does not belong to policy " + policy.label() + ", only to " + owners
                        + "; remove it, or change schedule.policy");
    }

    private void checkMetric(String metric) {
        if (metrics.isEmpty()) {
            s.problem(
                    CONFLICT, "policy='plateau'", "needs data.validation to tell when a metric has stopped improving");
        } else if (!metrics.contains(metric)) {
            s.mismatch("metric", "'" + metric + "'", "one of " + String.join(", ", metrics));
        }
    }

    /** @param policyGroups groups that the policy acts on */
    private EpochSchedule.Event event(
            YamlSection e, List<String> add, Collection<String> names, List<String> policyGroups) {
        Values values = JobKeyTable.EVENT.read(e);
        values.set("add", add);
        for (String key : List.of("thaw", "freeze")) {
            List<String> moved = new ArrayList<>(declared(e, key, values.get(key), names));
            for (String group : moved) {
                if (policyGroups.contains(group)) {
                    e.problem(
                            CONFLICT,
                            key,
                            "names group '" + group + "', which the policy moves: it is one of schedule.groups;"
                                    + " remove it from one of the two");
                }
            }
            moved.removeAll(policyGroups);
            values.set(key, moved);
        }
        if (e.isEmpty("thaw") && e.isEmpty("freeze") && e.isEmpty("add")) {
            e.problem("config.key.missing", "thaw", "is required: an event thaws, freezes or adds at least one group");
        }
        return values.to(EpochSchedule.Event.class);
    }

    /** The names that are groups; others are problems and left out. */
    private List<String> declared(YamlSection section, String key, List<String> given, Collection<String> names) {
        List<String> known = new ArrayList<>();
        for (int i = 0; i < given.size(); i++) {
            String name = given.get(i);
            if (names.contains(name)) {
                known.add(name);
                continue;
            }
            allDeclared = false;
            String where = key + "[" + i + "]='" + name + "'";
            if (name.equals(LoraManifest.HEAD) || name.equals(LoraManifest.BIAS)) {
                section.problem("config.group.unknown", where, "is an implicit group, which is always live; remove it");
            } else if (added.containsKey(name)) {
                section.problem(
                        "config.group.unknown", where, "is added by an event; declare it in lora.groups instead");
            } else if (!names.isEmpty()) {
                String hint = NearMiss.of(name, names)
                        .map(near -> "did you mean " + near + "?")
                        .orElse("the groups are " + String.join(", ", names));
                section.problem("config.group.unknown", where, "is not a group of lora.groups; " + hint);
            }
        }
        return List.copyOf(known);
    }
}
