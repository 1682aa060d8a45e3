package org.sparklora.driver.job.config;

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * Plays a schedule's events in the order of epochs and steps, and reports each move that is not legal.
 *
 * <p>A group may move once at one moment: two moves would leave it as if it had never trained in between, which nobody
 * means. An event beyond the last epoch is legal: it just never happens.
 */
final class ScheduleReplay {

    private final Map<String, String> lastMove = new HashMap<>();
    private final LoraConfig lora;

    /** Where groups are added that no event has added yet, as messages say it. */
    private final Map<String, String> toCome = new HashMap<>();

    private FreezeState state;

    ScheduleReplay(List<String> live, LoraConfig lora) {
        this.lora = lora;
        Map<String, GroupState> states = new TreeMap<>();
        lora.groups().keySet().forEach(name -> states.put(name, GroupState.DORMANT));
        live.forEach(name -> states.put(name, GroupState.LIVE));
        this.state = FreezeState.of(states);
    }

    /** Reports into the events' sections; both lists have the file's order. */
    void check(List<YamlSection> sections, List<ScheduleEvent> events) {
        for (int i = 0; i < events.size(); i++) {
            String where = sections.get(i).path("add") + " declares only at "
                    + events.get(i).when();
            events.get(i).add().forEach(group -> toCome.put(group, where));
        }
        IntStream.range(0, events.size())
                .boxed()
                .sorted(Comparator.comparingInt((Integer i) -> events.get(i).epoch())
                        .thenComparingInt(i -> events.get(i).step().orElse(0)))
                .forEach(i -> play(sections.get(i), events.get(i)));
    }

    private void play(YamlSection section, ScheduleEvent event) {
        event.add().forEach(toCome::remove);
        List<String> both =
                event.thaw().stream().filter(event.freeze()::contains).toList();
        for (String group : both) {
            section.problem(
                    "config.event.illegal",
                    "freeze",
                    "names group '" + group + "', which the same event thaws; keep one of the two");
        }
        event.thaw().stream()
                .filter(group -> !both.contains(group))
                .forEach(group -> move(section, event, group, GroupState.LIVE));
        event.freeze().stream()
                .filter(group -> !both.contains(group))
                .forEach(group -> move(section, event, group, GroupState.FROZEN));
    }

    private void move(YamlSection section, ScheduleEvent event, String group, GroupState next) {
        String key = next == GroupState.LIVE ? "thaw" : "freeze";
        String when = " at " + event.when();
        String adder = toCome.get(group);
        if (adder != null) {
            section.problem(
                    "config.event.illegal",
                    key,
                    "names group '" + group + "', which " + adder + "; move one of the two");
            return;
        }
        GroupState now = state.of(group);
        if (!now.mayBecome(next)) {
            section.problem(
                    "config.event.illegal",
                    key,
                    "names group '" + group + "', which is " + label(now) + when
                            + (next == GroupState.LIVE ? " already; remove it" : "; only a live group can freeze"));
            return;
        }
        if (when.equals(lastMove.put(group, when))) {
            section.problem(
                    "config.event.illegal",
                    key,
                    "names group '" + group + "', which another event moves" + when + " too; keep one");
        }
        state = state.with(group, next);
    }

    /** Without a look into the adapter that a run starts from, a group that was never live may be dormant or frozen. */
    private String label(GroupState state) {
        return state == GroupState.DORMANT && lora.initAdapter().isPresent() ? "not live" : state.label();
    }
}
