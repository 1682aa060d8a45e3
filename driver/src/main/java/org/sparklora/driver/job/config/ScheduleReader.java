package org.sparklora.driver.job.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.text.NearMiss;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/**
 * Reads the section {@code schedule}; its groups must be declared, there or in {@code lora.groups}, and its events legal when
 * replayed.
 */
final class ScheduleReader {

    private final YamlSection s;
    private final LoraConfig lora;
    private final AddedGroups added;
    private final List<String> metrics;

    /** Whether every name in a list was that of a group. */
    private boolean allDeclared = true;

    /**
     * @param lora with the groups of {@code lora.groups}
     * @param metrics what validation will tell of this job; empty without validation data
     */
    ScheduleReader(YamlSection schedule, LoraConfig lora, List<String> metrics) {
        this.s = schedule;
        this.lora = lora;
        this.added = new AddedGroups(lora);
        this.metrics = metrics;
    }

    /** The schedule, and the adapter with the groups that the schedule's events add. */
    record Read(ScheduleConfig schedule, LoraConfig lora) {}

    Read read() {
        Policy policy = s.choice("policy", Policy.EPOCHS);
        List<YamlSection> sections = s.sections("events");
        List<List<String>> adds = sections.stream().map(added::read).toList();
        LoraConfig all = added.lora();
        if (!s.has("live")) {
            s.problem("live", "is missing; it lists the groups that are live at the start, [] to train the head only");
        }
        List<String> live = declared(s, "live", lora.groups().keySet());
        List<String> groups = groups(policy);
        List<EpochSchedule.Event> events = IntStream.range(0, sections.size())
                .mapToObj(i -> event(sections.get(i), adds.get(i), all.groups().keySet(), groups))
                .toList();
        PolicyConfig config = new PolicyReader(s, metrics).read(policy, groups.size());
        s.finish();
        EpochSchedule schedule = new EpochSchedule(live, events);
        schedule.illegalMoves(schedule.initial(all.groups().keySet(), Set.of()), Integer.MAX_VALUE)
                .forEach(move -> sections.get(move.event()).problem(move.key(), move.what()));
        if (!groups.isEmpty() && s.has("live") && allDeclared) {
            config.policy(live, groups, 0)
                    .problems(lora.groups().keySet(), Set.of())
                    .forEach(s::problemLine);
        }
        return new Read(new ScheduleConfig(config, live, groups, events), all);
    }

    private List<String> groups(Policy policy) {
        if (policy == Policy.EPOCHS) {
            if (s.has("groups")) {
                PolicyReader.refuse(s, "groups", policy, "gradual, plateau, lisa and autofreeze");
            }
            return List.of();
        }
        if (isEmpty(s, "groups")) {
            s.problem(
                    "groups",
                    "is missing; it lists the groups that policy " + YamlSection.word(policy)
                            + " acts on, the top one first");
        }
        return declared(s, "groups", lora.groups().keySet());
    }

    /** @param acted groups that the policy acts on */
    private EpochSchedule.Event event(YamlSection e, List<String> add, Collection<String> names, List<String> acted) {
        if (!e.has("epoch")) {
            e.problem("epoch", "is missing; it is the epoch, from 0, before which the event takes effect");
        }
        EpochSchedule.Event event = new EpochSchedule.Event(
                e.whole("epoch", 0, 0),
                e.whole("step", 0),
                add,
                moved(e, "thaw", names, acted),
                moved(e, "freeze", names, acted),
                e.choice("optimizer_state", OptimizerStateOnThaw.KEEP));
        if (isEmpty(e, "thaw")
                && isEmpty(e, "freeze")
                && e.section("add").keys().isEmpty()) {
            e.problem("thaw", "is missing; an event thaws, freezes or adds at least one group");
        }
        e.finish();
        return event;
    }

    private List<String> moved(YamlSection e, String key, Collection<String> names, List<String> acted) {
        List<String> moved = new ArrayList<>();
        for (String group : declared(e, key, names)) {
            if (acted.contains(group)) {
                e.problem(
                        key,
                        "names group '" + group + "', which the policy moves: it is one of schedule.groups;"
                                + " remove it from one of the two");
            } else {
                moved.add(group);
            }
        }
        return moved;
    }

    /** Whether the file lists nothing; a list whose names are all unknown has its problems already. */
    private static boolean isEmpty(YamlSection e, String key) {
        return e.raw(key).filter(value -> !value.equals(List.of())).isEmpty();
    }

    /** Those names that are in {@code names}; others are problems and left out. */
    private List<String> declared(YamlSection section, String key, Collection<String> names) {
        List<String> known = new ArrayList<>();
        List<String> given = section.texts(key);
        for (int i = 0; i < given.size(); i++) {
            String name = given.get(i);
            if (names.contains(name)) {
                known.add(name);
                continue;
            }
            allDeclared = false;
            String where = key + "[" + i + "]='" + name + "'";
            if (name.equals(LoraManifest.HEAD) || name.equals(LoraManifest.BIAS)) {
                section.problem(where, "is an implicit group, which is always live; remove it");
            } else if (added.contains(name)) {
                section.problem(where, "is a group that an event adds; declare it in lora.groups instead");
            } else if (!names.isEmpty()) {
                String hint = NearMiss.of(name, names)
                        .map(near -> "; did you mean " + near + "?")
                        .orElse("; the groups are " + String.join(", ", names));
                section.problem(where, "is not a group of lora.groups" + hint);
            }
        }
        return List.copyOf(known);
    }
}
