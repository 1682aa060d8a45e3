package org.sparklora.driver.job.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Sha256;

/**
 * What of a job may change when its run goes on: more epochs where the learning rate does not hang on their number, new
 * groups and their events, execution settings, tracking; and {@code name} and {@code output}, which change no number, so
 * that a job file may be copied and a run directory moved. A group that was never live may go, and its definition may move
 * between {@code lora.groups} and an event that lies ahead.
 */
public final class JobChanges {

    private static final Set<String> FREE = Set.of("name", "execution", "tracking", "output");
    private static final String NOTHING = "(none)";

    private final JobConfig before;
    private final JobConfig after;
    private final List<String> refused = new ArrayList<>();

    private JobChanges(JobConfig before, JobConfig after) {
        this.before = before;
        this.after = after;
    }

    /**
     * Every change that a run cannot go on with, one line each; empty when it can.
     *
     * @param reached the groups' states where the run goes on
     * @param nextDecision the first epoch, from 0, whose groups are not decided yet
     */
    public static List<String> refused(JobConfig before, JobConfig after, FreezeState reached, int nextDecision) {
        return new JobChanges(before, after).check(reached, nextDecision);
    }

    /** SHA-256 of what never may change, hexadecimal. Keys without a value do not count: a later version may add some. */
    public static String fixedSha256(JobConfig job) {
        TreeMap<String, String> leaves = new TreeMap<>();
        flatten("", fixed(job), leaves);
        StringBuilder text = new StringBuilder();
        leaves.forEach((key, value) -> {
            if (!value.equals("null")) {
                text.append(key).append('=').append(value).append('\n');
            }
        });
        return Sha256.hex(text.toString());
    }

    private List<String> check(FreezeState reached, int nextDecision) {
        compare("", fixed(before), fixed(after));
        groups(reached);
        events(nextDecision);
        adds(nextDecision);
        epochs();
        return List.copyOf(refused);
    }

    /** The job without what is free to change, and without what has rules of its own. */
    private static Map<String, @Nullable Object> fixed(JobConfig job) {
        Map<String, @Nullable Object> tree = new LinkedHashMap<>(ResolvedYaml.tree(job));
        FREE.forEach(tree::remove);
        without(tree, "lora", "groups");
        without(tree, "schedule", "events");
        without(tree, "training", "num_train_epochs");
        return tree;
    }

    private static void without(Map<String, @Nullable Object> tree, String section, String key) {
        if (tree.get(section) instanceof Map<?, ?> map) {
            Map<Object, @Nullable Object> copy = new LinkedHashMap<>(map);
            copy.remove(key);
            tree.put(section, copy);
        }
    }

    private void groups(FreezeState reached) {
        before.lora().groups().forEach((name, group) -> {
            String path = path(before, name);
            GroupConfig now = after.lora().groups().get(name);
            if (now != null) {
                compare(path, ResolvedYaml.group(group), ResolvedYaml.group(now));
                return;
            }
            GroupState state = reached.states().getOrDefault(name, GroupState.DORMANT);
            if (state != GroupState.DORMANT) {
                refused.add(path + ": " + state.label() + " → " + NOTHING
                        + " (only a group that was never live may be left out)");
            }
        });
    }

    /** Events of the groups that both jobs have must be the same; those of new groups must lie ahead. */
    private void events(int nextDecision) {
        Set<String> common = new TreeSet<>(before.lora().groups().keySet());
        common.retainAll(after.lora().groups().keySet());
        List<EpochSchedule.Event> old = only(common, before.schedule().events());
        List<EpochSchedule.Event> now = only(common, after.schedule().events());
        if (!old.equals(now)) {
            Map<String, @Nullable Object> left = new LinkedHashMap<>();
            Map<String, @Nullable Object> right = new LinkedHashMap<>();
            old.forEach(e -> left.put("[" + left.size() + "]", ResolvedYaml.event(e, after.lora())));
            now.forEach(e -> right.put("[" + right.size() + "]", ResolvedYaml.event(e, after.lora())));
            compare("schedule.events", left, right);
        }
        List<EpochSchedule.Event> all = after.schedule().events();
        for (int i = 0; i < all.size(); i++) {
            EpochSchedule.Event event = all.get(i);
            List<String> added = new ArrayList<>(event.thaw());
            added.addAll(event.freeze());
            added.removeAll(before.lora().groups().keySet());
            if (!added.isEmpty() && event.epoch() < nextDecision) {
                refused.add("schedule.events[" + i + "].epoch: " + NOTHING + " → " + event.epoch() + " (group '"
                        + added.get(0) + "' is new, and the run goes on at epoch " + nextDecision + ")");
            }
        }
    }

    /** A group that an event has added in the part of the run that is done stays added there, and none joins it. */
    private void adds(int nextDecision) {
        for (String name : after.lora().groups().keySet()) {
            String was = addedBefore(nextDecision, before, name);
            String is = addedBefore(nextDecision, after, name);
            if (!was.equals(is)) {
                refused.add(path(was.equals(NOTHING) ? after : before, name) + ": " + was + " → " + is
                        + " (the run goes on at epoch " + nextDecision + ")");
            }
        }
    }

    /** When a group was added by an event that lies behind. */
    private static String addedBefore(int nextDecision, JobConfig job, String name) {
        return job.schedule().events().stream()
                .filter(event -> event.add().contains(name) && event.epoch() < nextDecision)
                .map(EpochSchedule.Event::when)
                .findFirst()
                .orElse(NOTHING);
    }

    /** Where a job declares a group. */
    private static String path(JobConfig job, String name) {
        List<EpochSchedule.Event> events = job.schedule().events();
        for (int i = 0; i < events.size(); i++) {
            if (events.get(i).add().contains(name)) {
                return "schedule.events[" + i + "].add." + name;
            }
        }
        return "lora.groups." + name;
    }

    private static List<EpochSchedule.Event> only(Set<String> groups, List<EpochSchedule.Event> events) {
        return events.stream()
                .map(e -> new EpochSchedule.Event(
                        e.epoch(),
                        e.step(),
                        List.of(),
                        e.thaw().stream().filter(groups::contains).toList(),
                        e.freeze().stream().filter(groups::contains).toList(),
                        e.optimizerState()))
                .filter(e -> !e.thaw().isEmpty() || !e.freeze().isEmpty())
                .toList();
    }

    private void epochs() {
        int old = before.training().numTrainEpochs();
        int now = after.training().numTrainEpochs();
        String line = "training.num_train_epochs: " + old + " → " + now;
        if (now < old) {
            refused.add(line + " (a run cannot become shorter)");
        } else if (now > old && after.training().lrSchedulerType() != LrSchedulerType.CONSTANT) {
            refused.add(
                    line + " (more epochs need lr_scheduler_type: constant; other schedules depend on their number)");
        }
    }

    private void compare(String path, Map<?, ?> old, Map<?, ?> now) {
        Map<String, String> left = new LinkedHashMap<>();
        Map<String, String> right = new LinkedHashMap<>();
        flatten(path, old, left);
        flatten(path, now, right);
        Set<String> keys = new LinkedHashSet<>(left.keySet());
        keys.addAll(right.keySet());
        for (String key : keys) {
            String was = left.getOrDefault(key, NOTHING);
            String is = right.getOrDefault(key, NOTHING);
            if (!was.equals(is)) {
                refused.add(key + ": " + was + " → " + is);
            }
        }
    }

    /** Leaves by their path; lists whole, and so are patterns, whose order counts. */
    static void flatten(String path, @Nullable Object value, Map<String, String> leaves) {
        if (value instanceof Map<?, ?> map && !map.isEmpty() && !path.endsWith("_pattern")) {
            map.forEach((key, child) -> {
                String name = String.valueOf(key);
                flatten(name.startsWith("[") ? path + name : YamlSection.join(path, name), child, leaves);
            });
        } else {
            leaves.put(path, String.valueOf(value));
        }
    }
}
