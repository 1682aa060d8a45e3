package org.sparklora.driver.job.config;

import static org.sparklora.driver.job.config.JobKey.derived;
import static org.sparklora.driver.job.config.JobKey.optional;
import static org.sparklora.driver.job.config.JobKey.required;
import static org.sparklora.driver.job.config.JobKey.withDefault;
import static org.sparklora.driver.job.config.JobSection.sectionOf;
import static org.sparklora.driver.job.config.KeyType.ALPHA_PATTERN;
import static org.sparklora.driver.job.config.KeyType.DROPOUT;
import static org.sparklora.driver.job.config.KeyType.FLAG;
import static org.sparklora.driver.job.config.KeyType.LAYERS;
import static org.sparklora.driver.job.config.KeyType.LONG;
import static org.sparklora.driver.job.config.KeyType.MODULES;
import static org.sparklora.driver.job.config.KeyType.RANK_PATTERN;
import static org.sparklora.driver.job.config.KeyType.TARGETS;
import static org.sparklora.driver.job.config.KeyType.TEXT;
import static org.sparklora.driver.job.config.KeyType.TEXTS;
import static org.sparklora.driver.job.config.KeyType.TEXT_MAP;
import static org.sparklora.driver.job.config.KeyType.TEXT_OR_BLANK;
import static org.sparklora.driver.job.config.KeyType.WEIGHTS;
import static org.sparklora.driver.job.config.KeyType.choice;
import static org.sparklora.driver.job.config.KeyType.custom;
import static org.sparklora.driver.job.config.KeyType.number;
import static org.sparklora.driver.job.config.KeyType.numberOrNull;
import static org.sparklora.driver.job.config.KeyType.whole;
import static org.sparklora.driver.job.config.Range.AT_LEAST_ONE;
import static org.sparklora.driver.job.config.Range.NOT_NEGATIVE;
import static org.sparklora.driver.job.config.Range.PERCENTILE;
import static org.sparklora.driver.job.config.Range.POSITIVE;
import static org.sparklora.driver.job.config.Range.PROBABILITY;

import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.sparklora.driver.job.config.JobKey.Resume;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.PatternMap;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.data.TextTokenizer;

/**
 * Every key of the job file: its type, default, meaning, and whether a resumed run may change it.
 *
 * <p>The reader, {@code config.yaml}, the tables in docs/job-file.md, the Params of Spark ML and the rules for a resumed run
 * all come from here. To add a key, add it here in the file's order and to the record of its section.
 */
public final class JobKeyTable {

    static final JobKey<String> NAME =
            derived("name", TEXT, "the file's name", "Name of the job").onResume(Resume.FREE);
    static final JobKey<Long> SEED = withDefault("seed", LONG, 42L, "Seed for initialization, dropout and data order");
    static final JobKey<String> OUTPUT = derived(
                    "output", TEXT, "required, here or with `--output`", "Run directory; `--output` overrides it")
            .onResume(Resume.FREE);

    static final JobSection JOB = sectionOf(
            "",
            NAME,
            SEED,
            section("model", "The base model and its task"),
            section("data", "The labelled rows"),
            section("lora", "The adapter and its groups"),
            section("schedule", "Which groups train when"),
            section("training", "The optimizer and the length of the run"),
            section("execution", "How the cluster computes").onResume(Resume.FREE),
            section("tracking", "Where metrics go besides the run directory").onResume(Resume.FREE),
            OUTPUT);

    static final JobKey<String> MODEL_PATH = required("path", TEXT, "", "Hugging Face directory of the base model");
    static final JobKey<Task> TASK =
            withDefault("task", choice(Task.class), Task.CLASSIFICATION, "What the head predicts");
    static final JobKey<List<String>> LABELS = derived(
            "labels", TEXTS, "learnt from the training data, sorted", "Label texts in the order of the head's outputs");
    static final JobKey<Integer> MAX_LENGTH = withDefault(
            "max_length",
            // The special tokens of a pair and one token of text.
            whole(TextTokenizer.MIN_LENGTH),
            128,
            "Tokens per example; longer input is cut");

    static final JobSection MODEL = sectionOf("model", MODEL_PATH, TASK, LABELS, MAX_LENGTH);

    static final JobKey<SourceConfig> TRAIN = derived("train", custom("a map of keys"), "see below", "Training data");
    static final JobKey<ValidationConfig> VALIDATION = optional(
            "validation",
            custom("a map of keys"),
            "Keys of `data.train`, whose values are inherited except `path`; or `fraction`");
    static final JobKey<DataOrder> ORDER =
            withDefault("order", choice(DataOrder.class), DataOrder.SHUFFLED, "`given`: files by path, rows by line");
    static final JobKey<Boolean> GROUP_BY_LENGTH = derived(
            "group_by_length", FLAG, "true with `order: shuffled`", "Whether rows of similar length share a batch");

    static final JobSection DATA = sectionOf("data", TRAIN, VALIDATION, ORDER, GROUP_BY_LENGTH);

    static final JobKey<String> SOURCE_PATH = required("path", TEXT, "", "File, directory or glob to read");
    static final JobKey<String> TEXT_PAIR = optional("text_pair", TEXT, "Column of the second text of a pair");

    static final JobSection SOURCE = sectionOf(
            "data.train",
            SOURCE_PATH,
            derived("format", TEXT, "by the file's name", "Spark's name of the format"),
            withDefault("text", TEXT, "text", "Column of the text, or of the first text of a pair"),
            TEXT_PAIR,
            withDefault("label", TEXT, "label", "Column of the label"),
            optional("weight", TEXT, "Column of the row's weight in the loss"),
            withDefault(
                    "options",
                    TEXT_MAP,
                    Collections.unmodifiableSortedMap(new TreeMap<>()),
                    "Options of Spark's reader"));

    static final JobKey<Double> FRACTION =
            optional("fraction", number(Range.FRACTION), "Part of the training rows that is held out for validation");

    static final JobSection VALIDATION_FRACTION = sectionOf("data.validation", FRACTION);

    static final JobKey<SortedMap<String, GroupConfig>> GROUPS = required(
                    "groups",
                    KeyType.<SortedMap<String, GroupConfig>>custom("a map from a name to the keys of a group"),
                    new TreeMap<>(),
                    "At least one group: a name, and `target_modules` under it")
            .onResume(Resume.GROUPS);
    static final JobKey<String> INIT_ADAPTER =
            optional("init_adapter", TEXT, "PEFT directory whose weights the adapter starts from");

    static final JobSection LORA = sectionOf(
            "lora",
            withDefault("r", whole(1), 8, "Rank of the LoRA matrices"),
            withDefault("lora_alpha", number(POSITIVE), 16.0, "The update B A x is scaled by lora_alpha / r"),
            withDefault("lora_dropout", number(PROBABILITY), 0.05, "Dropout on the input of LoRA layers that train"),
            optional("rank_pattern", RANK_PATTERN, PatternMap.none(), "Ranks of single modules"),
            optional("alpha_pattern", ALPHA_PATTERN, PatternMap.none(), "Alphas of single modules"),
            optional("exclude_modules", MODULES, ModulePattern.NONE, "Modules that are not adapted"),
            withDefault("bias", choice(BiasMode.class), BiasMode.NONE, "Which biases of the base model train"),
            withDefault("use_rslora", FLAG, false, "Whether the scale is lora_alpha / √r"),
            withDefault(
                    "modules_to_save", TEXTS, List.of("classifier"), "Modules of the head, which is saved in any case"),
            INIT_ADAPTER,
            GROUPS);

    static final JobSection GROUP = sectionOf(
            "lora.groups.*",
            required(
                    "target_modules",
                    TARGETS,
                    ModulePattern.NONE,
                    "Modules to adapt, by whole names or endings after a dot"),
            inherited("exclude_modules", MODULES, "Modules that the group does not adapt"),
            optional("layers_to_transform", LAYERS, List.of(), "Encoder layers that the group is limited to"),
            withDefault("purpose", TEXT_OR_BLANK, "", "Why the group exists"),
            inherited("r", whole(1), "Rank of the group's LoRA matrices"),
            inherited("lora_alpha", number(POSITIVE), "Alpha of the group"),
            inherited("lora_dropout", number(PROBABILITY), "Dropout of the group"),
            inherited("rank_pattern", RANK_PATTERN, "Ranks of single modules of the group"),
            inherited("alpha_pattern", ALPHA_PATTERN, "Alphas of single modules of the group"),
            withDefault("learning_rate_scale", number(POSITIVE), 1.0, "Factor on `training.learning_rate`"),
            withDefault("warmup_steps", whole(0), 0, "Steps after each thaw until the learning rate is full"));

    static final JobKey<Policy> POLICY =
            withDefault("policy", choice(Policy.class), Policy.EPOCHS, "What decides when groups freeze and thaw");
    static final JobKey<List<String>> LIVE =
            required("live", TEXTS, List.of(), "Groups that are live at the start; `[]` trains the head only");
    static final JobKey<List<String>> POLICY_GROUPS =
            optional("groups", TEXTS, List.of(), "Groups of the policy, the top one first; not with `epochs`");
    static final JobKey<List<EpochSchedule.Event>> EVENTS = withDefault(
                    "events",
                    KeyType.<List<EpochSchedule.Event>>custom("a list of maps"),
                    List.of(),
                    "Changes of group states at fixed epochs or steps")
            .onResume(Resume.EVENTS);

    static final JobSection SCHEDULE = sectionOf("schedule", POLICY, LIVE, POLICY_GROUPS, EVENTS);

    static final JobKey<Integer> EPOCH =
            required("epoch", whole(0), 0, "Epoch before which the event takes effect, from 0");
    static final JobKey<Integer> STEP = optional("step", whole(0), "Step of that epoch, from 0");
    static final JobKey<OptimizerStateOnThaw> OPTIMIZER_STATE = withDefault(
            "optimizer_state",
            choice(OptimizerStateOnThaw.class),
            OptimizerStateOnThaw.KEEP,
            "AdamW's moments after a thaw; `decay` multiplies them by 0.1");

    static final JobKey<List<String>> ADD = withDefault(
            "add",
            KeyType.<List<String>>custom("a map from a name to the keys of a group"),
            List.of(),
            "Groups that the event declares, as `lora.groups` does");
    static final JobKey<List<String>> THAW = withDefault("thaw", TEXTS, List.of(), "Groups that become live");
    static final JobKey<List<String>> FREEZE = withDefault("freeze", TEXTS, List.of(), "Groups that become frozen");

    static final JobSection EVENT = sectionOf("schedule.events", EPOCH, STEP, ADD, THAW, FREEZE, OPTIMIZER_STATE);

    static final JobKey<String> METRIC = withDefault("metric", TEXT, "loss", "Validation metric to watch");
    static final JobKey<Integer> SAMPLE =
            derived("sample", whole(1), "2, or 1 for a single group", "Groups that train at the same time");

    /** The keys of each policy, beside those of {@link #SCHEDULE}. */
    static final Map<Policy, JobSection> POLICIES = new EnumMap<>(Map.of(
            Policy.EPOCHS,
            sectionOf("schedule, policy epochs"),
            Policy.GRADUAL,
            sectionOf(
                    "schedule, policy gradual",
                    withDefault("every", whole(1), 1, "Epochs from one thaw to the next"),
                    withDefault(
                            "learning_rate_decay",
                            number(AT_LEAST_ONE),
                            2.6,
                            "Divides the learning rate from group to group")),
            Policy.PLATEAU,
            sectionOf(
                    "schedule, policy plateau",
                    METRIC,
                    withDefault("min_delta", number(NOT_NEGATIVE), 0.0, "Smallest change that is an improvement"),
                    withDefault("patience", whole(1), 3, "Epochs without an improvement before a thaw"),
                    withDefault("min_epochs", whole(1), 1, "Fewest epochs between thaws"),
                    optional("max_epochs", whole(1), "Most epochs between thaws"),
                    withDefault(
                            "restore_best",
                            FLAG,
                            true,
                            "Whether a thaw continues from the best epoch since the last thaw")),
            Policy.LISA,
            sectionOf(
                    "schedule, policy lisa",
                    SAMPLE,
                    withDefault("period", whole(1), 20, "Steps from one draw to the next"),
                    withDefault(
                            "weights",
                            WEIGHTS,
                            Collections.unmodifiableSortedMap(new TreeMap<>()),
                            "Chance of a group to be drawn, relative to 1"),
                    withDefault(
                            "optimizer_state",
                            OPTIMIZER_STATE.type(),
                            OptimizerStateOnThaw.FRESH,
                            OPTIMIZER_STATE.meaning())),
            Policy.AUTOFREEZE,
            sectionOf(
                    "schedule, policy autofreeze",
                    withDefault(
                            "percentile",
                            number(PERCENTILE),
                            50.0,
                            "Percentile of gradient changes below which groups freeze"),
                    withDefault("window", whole(1), 1, "Changes from epoch to epoch that are averaged"))));

    static final JobKey<Integer> NUM_TRAIN_EPOCHS =
            withDefault("num_train_epochs", whole(1), 3, "Number of epochs").onResume(Resume.MORE_EPOCHS);
    static final JobKey<Integer> BATCH_SIZE =
            withDefault("batch_size", whole(1), 32, "Examples per optimizer step over the whole cluster");
    static final JobKey<Integer> SHARDS = derived(
            "shards",
            whole(1),
            "8, or less for a smaller batch",
            "Parts of a batch, a power of two: the most tasks; it decides the bits");
    static final JobKey<Double> LABEL_SMOOTHING =
            withDefault("label_smoothing_factor", number(PROBABILITY), 0.0, "Label smoothing of the loss");
    static final JobKey<String> METRIC_FOR_BEST_MODEL =
            derived("metric_for_best_model", TEXT, "the validation loss", "Metric that decides which epoch is best");
    static final JobKey<Boolean> LOAD_BEST_MODEL_AT_END = withDefault(
            "load_best_model_at_end", FLAG, false, "Whether `adapter/` holds the best epoch instead of the last");
    static final JobKey<Integer> EARLY_STOPPING_PATIENCE =
            optional("early_stopping_patience", whole(1), "Epochs without a better metric before training ends");

    static final JobSection TRAINING = sectionOf(
            "training",
            NUM_TRAIN_EPOCHS,
            BATCH_SIZE,
            SHARDS,
            withDefault("gradient_accumulation_steps", whole(1), 1, "Microbatches of a shard's part of a batch"),
            withDefault("learning_rate", number(POSITIVE), 5.0e-4, "Largest learning rate of AdamW"),
            withDefault(
                    "lr_scheduler_type",
                    choice(LrSchedulerType.class),
                    LrSchedulerType.LINEAR,
                    "Learning-rate schedule, as in transformers"),
            withDefault("warmup_steps", whole(0), 0, "Warm-up steps of the learning rate"),
            withDefault("weight_decay", number(NOT_NEGATIVE), 0.01, "Decoupled weight decay of AdamW"),
            withDefault("adam_beta1", number(PROBABILITY), 0.9, "AdamW's beta1"),
            withDefault("adam_beta2", number(PROBABILITY), 0.999, "AdamW's beta2"),
            withDefault("adam_epsilon", number(POSITIVE), 1.0e-8, "AdamW's epsilon"),
            withDefault(
                    "max_grad_norm",
                    numberOrNull(POSITIVE),
                    1.0,
                    "Largest global gradient norm; `null` turns clipping off"),
            optional("loraplus_lr_ratio", number(POSITIVE), "LoRA+: learning rate of B over that of A"),
            LABEL_SMOOTHING,
            METRIC_FOR_BEST_MODEL,
            LOAD_BEST_MODEL_AT_END,
            EARLY_STOPPING_PATIENCE);

    static final JobKey<ComputeDevice> DEVICE = withDefault(
            "device", choice(ComputeDevice.class), ComputeDevice.CPU, "Where executors compute; only `cpu` so far");

    static final JobSection EXECUTION = sectionOf(
                    "execution",
                    withDefault("exchange", choice(Exchange.class), Exchange.AUTO, "How gradients are summed"),
                    DEVICE,
                    withDefault(
                            "activation_cache",
                            choice(ActivationCache.class),
                            ActivationCache.AUTO,
                            "Where trunk activations are cached"),
                    withDefault(
                            "activation_cache_type",
                            choice(Precision.class),
                            Precision.FLOAT32,
                            "Type of cached activations"),
                    withDefault(
                            "base_dropout",
                            DROPOUT,
                            DropoutSetting.NONE,
                            "Dropout of the base model; `model`: its own value"),
                    withDefault(
                            "head_dropout",
                            DROPOUT,
                            DropoutSetting.NONE,
                            "Dropout before the classifier; `model`: its own value"),
                    optional("checkpoint_every", whole(1), "Steps between checkpoints within an epoch"),
                    withDefault("max_failures", whole(0), 4, "Failures in a row that a run survives"))
            .freeOnResume();

    static final JobKey<String> MLFLOW = optional("mlflow", TEXT, "Address of an MLflow tracking server");
    static final JobKey<String> EXPERIMENT =
            derived("experiment", TEXT, "`Default` with `mlflow`", "MLflow experiment that the run belongs to");
    static final JobKey<String> TENSORBOARD = optional("tensorboard", TEXT, "Directory for TensorBoard's event files");

    static final JobSection TRACKING =
            sectionOf("tracking", MLFLOW, EXPERIMENT, TENSORBOARD).freeOnResume();

    private JobKeyTable() {}

    static JobSection policy(Policy policy) {
        return Objects.requireNonNull(POLICIES.get(policy));
    }

    /** Every section in the file's order. */
    public static List<JobSection> sections() {
        return List.of(
                JOB,
                MODEL,
                DATA,
                SOURCE,
                VALIDATION_FRACTION,
                LORA,
                GROUP,
                SCHEDULE,
                policy(Policy.GRADUAL),
                policy(Policy.PLATEAU),
                policy(Policy.LISA),
                policy(Policy.AUTOFREEZE),
                EVENT,
                TRAINING,
                EXECUTION,
                TRACKING);
    }

    /**
     * The key with a path such as {@code training.batch_size}.
     *
     * @throws IllegalArgumentException when there is none
     */
    public static JobKey<?> key(String path) {
        int dot = path.lastIndexOf('.');
        String section = path.substring(0, Math.max(0, dot));
        return sections().stream()
                .filter(s -> s.name().equals(section))
                .flatMap(s -> s.keys().stream())
                .filter(key -> key.name().equals(path.substring(dot + 1)))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(path + " is not a key of the job file"));
    }

    /** Paths of all keys, outside lists and named groups, that have rules of their own when a run resumes. */
    static Set<String> changeableOnResume() {
        return sections().stream()
                .flatMap(s -> s.keys().stream()
                        .filter(key -> key.resume() != Resume.FIXED)
                        .map(key -> YamlSection.join(s.name(), key.name())))
                .collect(Collectors.toSet());
    }

    private static JobKey<Map<String, Object>> section(String name, String meaning) {
        return derived(name, custom("a map of keys"), "see below", meaning);
    }

    private static <T> JobKey<T> inherited(String name, KeyType<T> type, String meaning) {
        return derived(name, type, "that of `lora`", meaning);
    }
}
