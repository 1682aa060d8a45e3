package org.sparklora.driver.job.config;

import static java.util.Map.entry;
import static org.sparklora.driver.job.config.KeyType.choice;
import static org.sparklora.driver.job.config.KeyType.custom;
import static org.sparklora.driver.job.config.KeyType.matching;
import static org.sparklora.driver.job.config.KeyType.number;
import static org.sparklora.driver.job.config.KeyType.numberOrNull;
import static org.sparklora.driver.job.config.KeyType.whole;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.sparklora.driver.job.config.JobKey.Resume;
import org.sparklora.driver.job.text.Resource;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.train.LearningRateSchedule;

/**
 * Every key of the job file: its type, default, meaning, and whether a resumed run may change it.
 *
 * <p>The reader, {@code config.yaml}, the tables in docs/job-file.md, the Params of Spark ML and the rules for a resumed run
 * all come from here. To add a key, add a row to {@code job-keys.txt} in the file's order, and a component to the record of
 * its section. A row has the key, its type by a name below, its default in YAML, its meaning in one sentence without a full
 * stop, and the {@link Resume} rule if there is one. Instead of a default stands {@code required}, {@code -} for no value, or
 * in parentheses what the default follows from.
 */
public final class JobKeyTable {

    private static final String ROWS = "job-keys.txt";
    private static final Map<String, KeyType<?>> TYPES = Map.ofEntries(
            entry("text", KeyType.TEXT),
            entry("text or blank", KeyType.TEXT_OR_BLANK),
            entry("texts", KeyType.TEXTS),
            entry("text map", KeyType.TEXT_MAP),
            entry("flag", KeyType.FLAG),
            entry("long", KeyType.LONG),
            entry("index", whole(0)),
            entry("count", whole(1)),
            // The special tokens of a pair and one token of text.
            entry("length", whole(TextTokenizer.MIN_LENGTH)),
            entry("positive", number(Range.POSITIVE)),
            entry("positive or null", numberOrNull(Range.POSITIVE)),
            entry("not negative", number(Range.NOT_NEGATIVE)),
            entry("at least one", number(Range.AT_LEAST_ONE)),
            entry("probability", number(Range.PROBABILITY)),
            entry("fraction", number(Range.FRACTION)),
            entry("percentile", number(Range.PERCENTILE)),
            entry("dropout", KeyType.DROPOUT),
            entry("layers", KeyType.LAYERS),
            entry("modules", KeyType.MODULES),
            entry("targets", KeyType.TARGETS),
            entry("rank pattern", KeyType.RANK_PATTERN),
            entry("alpha pattern", KeyType.ALPHA_PATTERN),
            entry("weights", KeyType.WEIGHTS),
            entry("section", custom("a map of keys", null)),
            entry("groups", custom("a map from a name to the keys of a group", new TreeMap<>())),
            entry("added groups", custom("a map from a name to the keys of a group", List.of())),
            entry("events", custom("a list of maps", List.of())),
            entry("share", number(Range.SHARE)),
            entry("duration", KeyType.DURATION),
            entry("decay exclusions", KeyType.DECAY_EXCLUSIONS),
            entry("class weights", KeyType.CLASS_WEIGHTS),
            entry("init", matching("true, pissa or pissa_niter_N", "true|pissa|pissa_niter_[1-9]\\d{0,3}")),
            entry("init from", matching(LoraConfig.INIT_ALL, LoraConfig.INIT_ALL)),
            entry("peft type", matching("LORA or ADALORA", "LORA|ADALORA")),
            entry("Task", choice(Task.class)),
            entry("DataOrder", choice(DataOrder.class)),
            entry("BiasMode", choice(BiasMode.class)),
            entry("Policy", choice(Policy.class)),
            entry("OptimizerStateOnThaw", choice(OptimizerStateOnThaw.class)),
            entry("LrSchedulerType", choice(LearningRateSchedule.Type.class)),
            entry("Exchange", choice(Exchange.class)),
            entry("ComputeDevice", choice(ComputeDevice.class)),
            entry("Kernel", choice(Kernel.class)),
            entry("ActivationCache", choice(ActivationCache.class)),
            entry("Precision", choice(Precision.class)),
            entry("StoredType", choice(StoredType.class)));
    private static final List<JobSection> SECTIONS = read();

    static final JobSection JOB = section("");
    static final JobSection MODEL = section("model");
    static final JobSection DATA = section("data");
    static final JobSection SOURCE = section("data.train");
    static final JobSection VALIDATION_FRACTION = section("data.validation");
    static final JobSection LORA = section("lora");
    static final JobSection GROUP = section("lora.groups.*");
    static final JobSection SCHEDULE = section("schedule");
    static final JobSection EVENT = section("schedule.events");
    static final JobSection TRAINING = section("training");
    static final JobSection EXECUTION = section("execution");
    static final JobSection TRACKING = section("tracking");

    private JobKeyTable() {}

    private static List<JobSection> read() {
        Map<String, List<JobKey>> sections = new LinkedHashMap<>();
        List<JobKey> keys = List.of();
        for (String line : Resource.text(JobKeyTable.class, ROWS).lines().toList()) {
            if (line.startsWith("[")) {
                keys = new ArrayList<>();
                sections.put(line.substring(1, line.length() - 1), keys);
            } else if (!line.isEmpty() && !line.startsWith("#")) {
                List<String> row = List.of(line.split(" \\| ", -1));
                KeyType<?> type = Objects.requireNonNull(TYPES.get(row.get(1)), line);
                Resume resume = row.size() > 4 ? Resume.valueOf(row.get(4)) : Resume.FIXED;
                keys.add(JobKey.of(row.get(0), type, row.get(2), resume, row.get(3)));
            }
        }
        return sections.entrySet().stream()
                .map(section -> new JobSection(section.getKey(), section.getValue()))
                .toList();
    }

    private static JobSection section(String name) {
        return SECTIONS.stream()
                .filter(section -> section.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(name + " is not a section of the job file"));
    }

    /** The keys of a policy, beside those of {@link #SCHEDULE}. */
    static JobSection policy(Policy policy) {
        return section("schedule, policy " + policy.label());
    }

    /** Every section that has keys, in the file's order. */
    public static List<JobSection> sections() {
        return SECTIONS.stream().filter(section -> !section.keys().isEmpty()).toList();
    }

    /**
     * The key with a path such as {@code training.batch_size}.
     *
     * @throws IllegalArgumentException when there is none
     */
    public static JobKey key(String path) {
        int dot = path.lastIndexOf('.');
        return section(path.substring(0, Math.max(0, dot))).key(path.substring(dot + 1));
    }

    /** Paths of all keys, outside lists and named groups, that have rules of their own when a run resumes. */
    static Set<String> changeableOnResume() {
        return paths(resume -> resume != Resume.FIXED && resume != Resume.ADDED).keySet();
    }

    /** Defaults, by path, of the keys that 0.1.0 did not know. */
    static Map<String, String> addedDefaults() {
        return paths(Resume.ADDED::equals);
    }

    /** The defaults in words, by path, of keys with such a rule. */
    private static Map<String, String> paths(Predicate<Resume> rule) {
        Map<String, String> paths = new TreeMap<>();
        SECTIONS.forEach(s -> s.keys().stream()
                .filter(key -> rule.test(key.resume()))
                .forEach(key -> paths.put(
                        YamlSection.join(s.name(), key.name()), key.absent().words())));
        return paths;
    }
}
