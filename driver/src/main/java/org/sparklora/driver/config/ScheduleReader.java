package org.sparklora.driver.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.spelling.NearMiss;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/** Reads the section {@code schedule}; its groups must be declared, and its events legal when replayed. */
final class ScheduleReader {

    /** Keys kept for policies, in the contract's order. */
    private static final List<String> POLICY_KEYS = List.of(
            "every",
            "patience",
            "min_delta",
            "min_epochs",
            "max_epochs",
            "metric",
            "restore_best",
            "sample",
            "period",
            "percentile",
            "window",
            "learning_rate_decay");

    private final Section s;
    private final LoraConfig lora;

    ScheduleReader(Section schedule, LoraConfig lora) {
        this.s = schedule;
        this.lora = lora;
    }

    ScheduleConfig read() {
        Policy policy = s.choice("policy", Policy.EPOCHS);
        if (!s.has("live")) {
            s.problem("live", "is missing; it lists the groups that are live at the start, [] to train the head only");
        }
        List<String> live = declared(s, "live");
        Optional<List<String>> groups = s.has("groups") ? Optional.of(declared(s, "groups")) : Optional.empty();
        List<Section> sections = s.sections("events");
        List<ScheduleEvent> events = sections.stream().map(this::event).toList();
        SortedMap<String, Object> settings = new TreeMap<>();
        POLICY_KEYS.forEach(key -> s.plain(key).ifPresent(value -> settings.put(key, value)));
        s.finish();
        new ScheduleReplay(live, lora).check(sections, events);
        return new ScheduleConfig(policy, live, groups, events, settings);
    }

    private ScheduleEvent event(Section e) {
        if (!e.has("epoch")) {
            e.problem("epoch", "is missing; it is the epoch, from 0, before which the event takes effect");
        }
        ScheduleEvent event = new ScheduleEvent(
                e.whole("epoch", 0, 0),
                e.whole("step", 0),
                declared(e, "thaw"),
                declared(e, "freeze"),
                e.choice("optimizer_state", OptimizerStateOnThaw.KEEP));
        if (isEmpty(e, "thaw") && isEmpty(e, "freeze")) {
            e.problem("thaw", "is missing; an event thaws or freezes at least one group");
        }
        e.finish();
        return event;
    }

    /** Whether the file lists nothing; a list whose names are all unknown has its problems already. */
    private static boolean isEmpty(Section e, String key) {
        return e.raw(key).filter(value -> !value.equals(List.of())).isEmpty();
    }

    /** Names of declared groups; others are problems and left out. */
    private List<String> declared(Section section, String key) {
        Set<String> names = lora.groups().keySet();
        List<String> known = new ArrayList<>();
        List<String> given = section.texts(key);
        for (int i = 0; i < given.size(); i++) {
            String name = given.get(i);
            if (names.contains(name)) {
                known.add(name);
            } else if (name.equals(LoraManifest.HEAD) || name.equals(LoraManifest.BIAS)) {
                section.problem(
                        key + "[" + i + "]='" + name + "'", "is an implicit group, which is always live; remove it");
            } else if (!names.isEmpty()) {
                String hint = NearMiss.of(name, names)
                        .map(near -> "; did you mean " + near + "?")
                        .orElse("; the groups are " + String.join(", ", names));
                section.problem(key + "[" + i + "]='" + name + "'", "is not a group of lora.groups" + hint);
            }
        }
        return List.copyOf(known);
    }
}
