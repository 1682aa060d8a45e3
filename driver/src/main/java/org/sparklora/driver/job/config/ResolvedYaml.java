package org.sparklora.driver.job.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.PatternMap;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.Yaml;

/** Writes a job as YAML with every key of {@link JobKeyTable}, defaults filled in; {@link JobFile} reads it to an equal job. */
public final class ResolvedYaml {

    private ResolvedYaml() {}

    /** The job as YAML. The same job gives the same text. */
    public static String write(JobConfig job) {
        DumperOptions options = new DumperOptions();
        options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
        options.setSplitLines(false);
        options.setAllowUnicode(true);
        return new Yaml(options).dump(tree(job));
    }

    /** Every value of the job by its path, as text; lists whole; null values are left out. */
    public static SortedMap<String, String> leaves(JobConfig job) {
        SortedMap<String, String> leaves = new TreeMap<>();
        JobChanges.flatten("", tree(job), leaves);
        leaves.values().removeIf("null"::equals);
        return leaves;
    }

    /** The job as maps, lists and plain values, in the order of the file. */
    static Map<String, @Nullable Object> tree(JobConfig job) {
        Map<String, @Nullable Object> tree = JobKeyTable.JOB.write(job);
        tree.put("model", JobKeyTable.MODEL.write(job.model()));
        tree.put("data", JobKeyTable.DATA.write(job.data()));
        tree.put("lora", lora(job));
        tree.put("schedule", schedule(job.schedule(), job.lora()));
        tree.put("training", JobKeyTable.TRAINING.write(job.training()));
        tree.put("execution", JobKeyTable.EXECUTION.write(job.execution()));
        tree.put("tracking", tracking(job.tracking()));
        return tree;
    }

    /** A value as maps, lists, texts, numbers, true, false or null. */
    static @Nullable Object plain(@Nullable Object value) {
        if (value instanceof Optional<?> || value instanceof OptionalInt || value instanceof OptionalDouble) {
            return plain(JobSection.valueOf(value));
        } else if (value instanceof Enum<?> constant) {
            return YamlSection.word(constant);
        } else if (value instanceof List<?> list) {
            // A list that is used twice, as List.of() may be, would be written as an anchor and an alias.
            return new ArrayList<>(list);
        } else if (value instanceof Duration duration) {
            return duration.toSeconds() + "s";
        } else if (value instanceof DropoutSetting dropout) {
            return dropout.rate().isPresent() ? (Object) dropout.rate().getAsDouble() : "model";
        } else if (value instanceof ClassWeights weights) {
            return weights.byLabel().isPresent() ? weights.byLabel().get() : ClassWeights.BALANCED;
        } else if (value instanceof PatternMap<?> patterns) {
            return patterns.asMap();
        } else if (value instanceof ModulePattern.Names names) {
            return new ArrayList<>(names.names());
        } else if (value instanceof ModulePattern.Regex regex) {
            return regex.regex();
        } else if (value instanceof ModulePattern.AllLinear) {
            return ModulePattern.AllLinear.SHORTHAND;
        } else if (value instanceof SourceConfig source) {
            return JobKeyTable.SOURCE.write(source);
        } else if (value instanceof ValidationConfig.Source source) {
            return JobKeyTable.SOURCE.write(source.source());
        } else if (value instanceof ValidationConfig.Fraction fraction) {
            return JobKeyTable.VALIDATION_FRACTION.write(fraction);
        }
        return value;
    }

    /** The adapter without the groups that events add, which are written with their events. */
    private static Map<String, @Nullable Object> lora(JobConfig job) {
        Map<String, @Nullable Object> groups = new LinkedHashMap<>();
        job.lora().groups().forEach((name, group) -> groups.put(name, withoutInherited(group, job.lora())));
        job.schedule().events().forEach(event -> event.add().forEach(groups::remove));
        Map<String, @Nullable Object> lora = JobKeyTable.LORA.write(job.lora());
        lora.put("groups", groups);
        return lora;
    }

    static Map<String, @Nullable Object> group(GroupConfig group) {
        return JobKeyTable.GROUP.write(group);
    }

    /** Keys of {@code lora} are checked against all groups together; repeated in a group, they could match nothing there. */
    private static Map<String, @Nullable Object> withoutInherited(GroupConfig group, LoraConfig lora) {
        Map<String, @Nullable Object> map = group(group);
        if (group.excludeModules().equals(lora.excludeModules())) {
            map.put("exclude_modules", null);
        }
        if (group.rankPattern().equals(lora.rankPattern())) {
            map.put("rank_pattern", null);
        }
        if (group.alphaPattern().equals(lora.alphaPattern())) {
            map.put("alpha_pattern", null);
        }
        return map;
    }

    private static Map<String, @Nullable Object> schedule(ScheduleConfig schedule, LoraConfig lora) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put("policy", schedule.kind().label());
        map.put("live", plain(schedule.live()));
        map.put("groups", schedule.groups().isEmpty() ? null : plain(schedule.groups()));
        map.put("events", schedule.events().stream().map(e -> event(e, lora)).toList());
        map.putAll(JobKeyTable.policy(schedule.kind()).write(schedule.policy()));
        return map;
    }

    /** @param lora with the groups that events add */
    static Map<String, @Nullable Object> event(EpochSchedule.Event event, LoraConfig lora) {
        Map<String, @Nullable Object> add = new LinkedHashMap<>();
        event.add()
                .forEach(name -> add.put(
                        name,
                        withoutInherited(Objects.requireNonNull(lora.groups().get(name)), lora)));
        Map<String, @Nullable Object> map = JobKeyTable.EVENT.write(event);
        map.put("add", add);
        return map;
    }

    private static Map<String, @Nullable Object> tracking(TrackingConfig tracking) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put("mlflow", plain(tracking.mlflow().map(TrackingConfig.Mlflow::uri)));
        map.put("experiment", plain(tracking.mlflow().map(TrackingConfig.Mlflow::experiment)));
        map.put("tensorboard", plain(tracking.tensorboard()));
        return map;
    }
}
