package org.sparklora.driver.job.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.Sha256;

/**
 * Which changes of a job a resumed run can take over. {@link JobKeyTable} says which keys may change; this class has the rules
 * for the others: more epochs when they change no learning rate, new groups and their events. A group that was never live may
 * be removed, and its definition may move between {@code lora.groups} and an event that is still to come.
 */
public final class JobChanges {

    private static final String NOTHING = "(none)";

    private final JobConfig before;
    private final JobConfig after;
    private final List<String> refused = new ArrayList<>();

    private JobChanges(JobConfig before, JobConfig after) {
        this.before = before;
        this.after = after;
    }

    /**
     * Every change that the run cannot take over, one line each; empty when it can resume.
     *
     * @param reached the groups' states at the resumed checkpoint
     * @param nextDecision the first epoch, from 0, whose group states are not decided yet
     */
    public static List<String> refused(JobConfig before, JobConfig after, FreezeState reached, int nextDecision) {
        return new JobChanges(before, after).check(reached, nextDecision);
    }

    /**
     * SHA-256 of what must never change, hexadecimal. Keys without a value and defaults of added keys do not count, so that
     * a later version may add keys.
     */
    public static String fixedSha256(JobConfig job) {
        StringBuilder text = new StringBuilder();
        Map<String, String> fixed = new TreeMap<>(fixed(job));
        fixed.entrySet().removeAll(JobKeyTable.addedDefaults().entrySet());
        fixed.forEach((key, value) -> {
            if (!value.equals("null")) {
                text.append(key).append('=').append(value).append('\n');
            }
        });
        return Sha256.hex(text.toString());
    }

    private List<String> check(FreezeState reached, int nextDecision) {
        compare(fixed(before), fixed(after));
        groups(reached);
        events(nextDecision);
        adds(nextDecision);
        epochs();
        arithmetic();
        return List.copyOf(refused);
    }

    /** The values that may not change, by their paths; what has rules of its own is checked apart. */
    private static Map<String, String> fixed(JobConfig job) {
        Map<String, String> leaves = flat("", ResolvedYaml.tree(job));
        Set<String> changeable = JobKeyTable.changeableOnResume();
        leaves.keySet().removeIf(path -> changeable.stream().anyMatch(key -> (path + ".").startsWith(key + ".")));
        return leaves;
    }

    private void groups(FreezeState reached) {
        before.lora().groups().forEach((name, group) -> {
            String path = path(before, name);
            GroupConfig now = after.lora().groups().get(name);
            if (now != null) {
                compare(flat(path, ResolvedYaml.group(group)), flat(path, ResolvedYaml.group(now)));
                return;
            }
            GroupState state = reached.states().getOrDefault(name, GroupState.DORMANT);
            if (state != GroupState.DORMANT) {
                refused.add(path + ": " + state.label() + " → " + NOTHING
                        + " (only a group that was never live may be removed)");
            }
        });
    }

    /** Events of groups that both jobs have must be equal; events of new groups must be still to come. */
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
            compare(flat("schedule.events", left), flat("schedule.events", right));
        }
        List<EpochSchedule.Event> all = after.schedule().events();
        for (int i = 0; i < all.size(); i++) {
            EpochSchedule.Event event = all.get(i);
            List<String> added = new ArrayList<>(event.thaw());
            added.addAll(event.freeze());
            added.removeAll(before.lora().groups().keySet());
            if (!added.isEmpty() && event.epoch() < nextDecision) {
                refused.add("schedule.events[" + i + "].epoch: " + NOTHING + " → " + event.epoch() + " (group '"
                        + added.get(0) + "' is new, and the run resumes at epoch " + nextDecision + ")");
            }
        }
    }

    /** In the finished part of the run, the same events must have added the same groups. */
    private void adds(int nextDecision) {
        for (String name : after.lora().groups().keySet()) {
            String was = addedBefore(nextDecision, before, name);
            String is = addedBefore(nextDecision, after, name);
            if (!was.equals(is)) {
                refused.add(path(was.equals(NOTHING) ? after : before, name) + ": " + was + " → " + is
                        + " (the run resumes at epoch " + nextDecision + ")");
            }
        }
    }

    /** When an event in the finished part of the run added a group. */
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
        OptionalInt was = before.training().numTrainEpochs();
        OptionalInt is = after.training().numTrainEpochs();
        if (was.isEmpty() || is.isEmpty()) {
            // Then max_steps has changed, or nothing.
            return;
        }
        int old = was.getAsInt();
        int now = is.getAsInt();
        String line = "training.num_train_epochs: " + old + " → " + now;
        if (now < old) {
            refused.add(line + " (a run cannot become shorter)");
        } else if (now > old
                && (after.training().lrSchedulerType().dependsOnLength()
                        || after.training().warmupRatio().isPresent()
                        || after.lora().method().isAdaptive())) {
            refused.add(line
                    + " (more epochs need lr_scheduler_type: constant or inverse_sqrt, warmup_steps instead of"
                    + " warmup_ratio, and peft_type: LORA; other schedules depend on the number of epochs)");
        }
    }

    /** How a run began to compute. A run of 0.1.0 does not say it: there was one way. */
    public static Arithmetic arithmetic(JobConfig begun) {
        return begun.arithmetic(new Arithmetic(Kernel.MKL, Precision.FLOAT32));
    }

    private void arithmetic() {
        Arithmetic was = arithmetic(before);
        Arithmetic is = after.arithmetic(was);
        computes("execution.kernel", was.kernel(), is.kernel());
        computes("execution.precision", was.precision(), is.precision());
    }

    private void computes(String key, Enum<?> was, Enum<?> is) {
        if (was != is) {
            String word = YamlSection.word(was);
            refused.add(key + ": " + word + " → " + YamlSection.word(is)
                    + " (results would be rounded in another way; leave it out, or --set " + key + "=" + word + ")");
        }
    }

    private void compare(Map<String, String> before, Map<String, String> after) {
        Set<String> keys = new LinkedHashSet<>(before.keySet());
        keys.addAll(after.keySet());
        for (String key : keys) {
            String was = before.getOrDefault(key, NOTHING);
            String is = after.getOrDefault(key, NOTHING);
            if (!was.equals(is)) {
                refused.add(key + ": " + was + " → " + is);
            }
        }
    }

    private static Map<String, String> flat(String path, Map<?, ?> tree) {
        Map<String, String> leaves = new LinkedHashMap<>();
        flatten(path, tree, leaves);
        return leaves;
    }

    /** Adds leaves by their paths. Lists are whole, and so are patterns, whose order counts. */
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
