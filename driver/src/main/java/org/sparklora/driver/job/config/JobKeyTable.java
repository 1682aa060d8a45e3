package org.sparklora.driver.job.config;

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
            JobKey.derived("name", KeyType.TEXT, "the file's name", "Name of the job").onResume(Resume.FREE);
    static final JobKey<Long> SEED =
            JobKey.of("seed", KeyType.LONG, 42L, "Seed for initialization, dropout and data order");
    static final JobKey<String> OUTPUT = JobKey.derived(
                    "output",
                    KeyType.TEXT,
                    "required, here or with `--output`",
                    "Run directory: a local path or a URI; `--output` overrides it")
            .onResume(Resume.FREE);

    static final JobSection JOB = JobSection.of(
            "",
            NAME,
            SEED,
            section("model", "The base model and its task"),
            section("data", "The labelled rows"),
            section("lora", "The adapter and its groups"),
            section("schedule", "Which groups train when"),
            section("training", "The optimizer and the length of the run"),
            section("execution", "How the cluster computes")
                    .onResume(Resume.FREE),
            section("tracking", "Where metrics go besides the run directory").onResume(Resume.FREE),
            OUTPUT);

    static final JobKey<String> MODEL_PATH = JobKey.required(
            "path",
            KeyType.TEXT,
            "",
            "Hugging Face directory of the base model: `config.json`, `model.safetensors`, and `tokenizer.json` or"
                    + " `vocab.txt`");
    static final JobKey<Task> TASK = JobKey.of("task", KeyType.choice(Task.class), Task.CLASSIFICATION, "What the head predicts");
    static final JobKey<List<String>> LABELS = JobKey.derived(
            "labels",
            KeyType.TEXTS,
            "learnt from the training data, sorted",
            "Label texts in the order of the head's outputs");
    static final JobKey<Integer> MAX_LENGTH = JobKey.of(
            "max_length",
            // The special tokens of a pair and one token of text.
            KeyType.whole(TextTokenizer.LEAST_LENGTH),
            128,
            "Tokens per text or pair, special tokens included; longer input is cut");

    static final JobSection MODEL = JobSection.of("model", MODEL_PATH, TASK, LABELS, MAX_LENGTH);

    static final JobKey<SourceConfig> TRAIN =
            JobKey.derived("train", KeyType.custom("a map of keys"), "see below", "Training data");
    static final JobKey<ValidationConfig> VALIDATION = JobKey.optional(
            "validation",
            KeyType.custom("a map of keys"),
            "Validation data: the keys of `data.train`, inherited from there except `path`; or `fraction` alone");
    static final JobKey<DataOrder> ORDER = JobKey.of(
            "order",
            KeyType.choice(DataOrder.class),
            DataOrder.SHUFFLED,
            "`shuffled` draws a new order in each epoch; `given` reads files by path and rows by line");
    static final JobKey<Boolean> GROUP_BY_LENGTH = JobKey.derived(
            "group_by_length",
            KeyType.FLAG,
            "true with `order: shuffled`",
            "Whether rows of similar length share a batch; needs `order: shuffled`");

    static final JobSection DATA = JobSection.of("data", TRAIN, VALIDATION, ORDER, GROUP_BY_LENGTH);

    static final JobKey<String> SOURCE_PATH =
            JobKey.required("path", KeyType.TEXT, "", "File, directory or glob to read");
    static final JobKey<String> TEXT_PAIR = JobKey.optional("text_pair", KeyType.TEXT, "Column of the second text of a pair");

    static final JobSection SOURCE = JobSection.of(
            "data.train",
            SOURCE_PATH,
            JobKey.derived("format", KeyType.TEXT, "by the file's name", "Spark's name of the format"),
            JobKey.of("text", KeyType.TEXT, "text", "Column of the text, or of the first text of a pair"),
            TEXT_PAIR,
            JobKey.of("label", KeyType.TEXT, "label", "Column of the label"),
            JobKey.optional("weight", KeyType.TEXT, "Column of the row's weight in the loss"),
            JobKey.of(
                    "options",
                    KeyType.TEXT_MAP,
                    Collections.unmodifiableSortedMap(new TreeMap<>()),
                    "Options of Spark's reader, which override the format's defaults"));

    static final JobKey<Double> FRACTION = JobKey.optional(
            "fraction", KeyType.number(Range.FRACTION), "Part of the training rows that is held out for validation");

    static final JobSection VALIDATION_FRACTION = JobSection.of("data.validation", FRACTION);

    static final JobKey<SortedMap<String, GroupConfig>> GROUPS = JobKey.required(
                    "groups",
                    KeyType.<SortedMap<String, GroupConfig>>custom("a map from a name to the keys of a group"),
                    new TreeMap<>(),
                    "At least one group: a name, and `target_modules` under it")
            .onResume(Resume.GROUPS);
    static final JobKey<String> INIT_ADAPTER =
            JobKey.optional("init_adapter", KeyType.TEXT, "PEFT directory whose weights the adapter starts from");

    static final JobSection LORA = JobSection.of(
            "lora",
            JobKey.of("r", KeyType.whole(1), 8, "Rank of the LoRA matrices"),
            JobKey.of("lora_alpha", KeyType.number(Range.POSITIVE), 16.0, "The update B A x is scaled by lora_alpha / r"),
            JobKey.of(
                    "lora_dropout",
                    KeyType.number(Range.PROBABILITY),
                    0.05,
                    "Dropout on the input of LoRA layers that train"),
            JobKey.optional(
                    "rank_pattern",
                    KeyType.RANK_PATTERN,
                    PatternMap.none(),
                    "Ranks of single modules; the first expression that matches the end of a module's name counts"),
            JobKey.optional(
                    "alpha_pattern", KeyType.ALPHA_PATTERN, PatternMap.none(), "Alphas of single modules, likewise"),
            JobKey.optional(
                    "exclude_modules", KeyType.MODULES, ModulePattern.NONE, "Modules that are not adapted"),
            JobKey.of("bias", KeyType.choice(BiasMode.class), BiasMode.NONE, "Which biases of the base model train"),
            JobKey.of("use_rslora", KeyType.FLAG, false, "Whether the scale is lora_alpha / √r"),
            JobKey.of(
                    "modules_to_save",
                    KeyType.TEXTS,
                    List.of("classifier"),
                    "Modules of the head; the head is trained and saved in full in any case"),
            INIT_ADAPTER,
            GROUPS);

    static final JobSection GROUP = JobSection.of(
            "lora.groups.*",
            JobKey.required(
                    "target_modules",
                    KeyType.TARGETS,
                    ModulePattern.NONE,
                    "Modules to adapt: a list of whole names or of endings after a dot, one regular expression on the"
                            + " whole name, or `all-linear`"),
            inherited("exclude_modules", KeyType.MODULES, "Modules that the group does not adapt"),
            JobKey.optional(
                    "layers_to_transform",
                    KeyType.LAYERS,
                    List.of(),
                    "Encoder layers that the group is limited to, as a list of numbers and ranges: `[8-11, 0]`"),
            JobKey.of("purpose", KeyType.TEXT_OR_BLANK, "", "Why the group exists; recorded with the run"),
            inherited("r", KeyType.whole(1), "Rank of the group's LoRA matrices"),
            inherited("lora_alpha", KeyType.number(Range.POSITIVE), "Alpha of the group"),
            inherited("lora_dropout", KeyType.number(Range.PROBABILITY), "Dropout of the group"),
            inherited("rank_pattern", KeyType.RANK_PATTERN, "Ranks of single modules of the group"),
            inherited("alpha_pattern", KeyType.ALPHA_PATTERN, "Alphas of single modules of the group"),
            JobKey.of(
                    "learning_rate_scale",
                    KeyType.number(Range.POSITIVE),
                    1.0,
                    "Factor on `training.learning_rate`"),
            JobKey.of(
                    "warmup_steps",
                    KeyType.whole(0),
                    0,
                    "Steps after each thaw over which the group's learning rate rises to its full value"));

    static final JobKey<Policy> POLICY = JobKey.of(
            "policy", KeyType.choice(Policy.class), Policy.EPOCHS, "What decides when groups freeze and thaw");
    static final JobKey<List<String>> LIVE = JobKey.required(
            "live", KeyType.TEXTS, List.of(), "Groups that are live at the start; `[]` trains the head only");
    static final JobKey<List<String>> POLICY_GROUPS = JobKey.optional(
            "groups",
            KeyType.TEXTS,
            List.of(),
            "Groups that the policy acts on, the top one first; required for every policy but `epochs`, which takes none");
    static final JobKey<List<ScheduleEvent>> EVENTS = JobKey.of(
                    "events",
                    KeyType.<List<ScheduleEvent>>custom("a list of maps"),
                    List.of(),
                    "Changes of group states at fixed epochs or steps")
            .onResume(Resume.EVENTS);

    static final JobSection SCHEDULE = JobSection.of("schedule", POLICY, LIVE, POLICY_GROUPS, EVENTS);

    static final JobKey<Integer> EPOCH = JobKey.required(
            "epoch", KeyType.whole(0), 0, "Epoch, counted from 0, before which the event takes effect");
    static final JobKey<Integer> STEP = JobKey.optional(
            "step", KeyType.whole(0), "Step of that epoch, counted from 0, before which the event takes effect");
    static final JobKey<OptimizerStateOnThaw> OPTIMIZER_STATE = JobKey.of(
            "optimizer_state",
            KeyType.choice(OptimizerStateOnThaw.class),
            OptimizerStateOnThaw.KEEP,
            "AdamW's moments of the groups that thaw: continued, reset to zero, or multiplied by 0.1");

    static final JobKey<List<String>> ADD = JobKey.of(
            "add",
            KeyType.<List<String>>custom("a map from a name to the keys of a group"),
            List.of(),
            "Groups that the event declares, as `lora.groups` does");
    static final JobKey<List<String>> THAW =
            JobKey.of("thaw", KeyType.TEXTS, List.of(), "Groups that become live");
    static final JobKey<List<String>> FREEZE =
            JobKey.of("freeze", KeyType.TEXTS, List.of(), "Groups that become frozen");

    static final JobSection EVENT =
            JobSection.of("schedule.events", EPOCH, STEP, ADD, THAW, FREEZE, OPTIMIZER_STATE);

    static final JobKey<String> METRIC =
            JobKey.of("metric", KeyType.TEXT, "loss", "Validation metric that is watched; needs `data.validation`");
    static final JobKey<Integer> SAMPLE = JobKey.derived(
            "sample", KeyType.whole(1), "2, or 1 for a single group", "Groups that train at the same time");

    /** The keys of each policy, beside those of {@link #SCHEDULE}. */
    static final Map<Policy, JobSection> POLICIES = new EnumMap<>(Map.of(
            Policy.EPOCHS,
            JobSection.of("schedule, policy epochs"),
            Policy.GRADUAL,
            JobSection.of(
                    "schedule, policy gradual",
                    JobKey.of("every", KeyType.whole(1), 1, "Epochs from one thaw to the next"),
                    JobKey.of(
                            "learning_rate_decay",
                            KeyType.number(Range.AT_LEAST_ONE),
                            2.6,
                            "Each group's learning rate is that of the group above divided by this")),
            Policy.PLATEAU,
            JobSection.of(
                    "schedule, policy plateau",
                    METRIC,
                    JobKey.of(
                            "min_delta",
                            KeyType.number(Range.NOT_NEGATIVE),
                            0.0,
                            "Smallest change of the metric that counts as an improvement"),
                    JobKey.of(
                            "patience",
                            KeyType.whole(1),
                            3,
                            "Epochs without an improvement after which the next group thaws"),
                    JobKey.of("min_epochs", KeyType.whole(1), 1, "Smallest number of epochs from one thaw to the next"),
                    JobKey.optional(
                            "max_epochs", KeyType.whole(1), "Largest number of epochs from one thaw to the next"),
                    JobKey.of(
                            "restore_best",
                            KeyType.FLAG,
                            true,
                            "Whether a thaw continues from the best epoch since the last thaw")),
            Policy.LISA,
            JobSection.of(
                    "schedule, policy lisa",
                    SAMPLE,
                    JobKey.of("period", KeyType.whole(1), 20, "Steps from one draw to the next"),
                    JobKey.of(
                            "weights",
                            KeyType.WEIGHTS,
                            Collections.unmodifiableSortedMap(new TreeMap<>()),
                            "How often a group is drawn relative to others; 1 for groups without a weight"),
                    JobKey.of(
                            "optimizer_state",
                            OPTIMIZER_STATE.type(),
                            OptimizerStateOnThaw.FRESH,
                            OPTIMIZER_STATE.meaning())),
            Policy.AUTOFREEZE,
            JobSection.of(
                    "schedule, policy autofreeze",
                    JobKey.of(
                            "percentile",
                            KeyType.number(Range.PERCENTILE),
                            50.0,
                            "Percentile of the live groups' relative changes of gradient norm; groups below it freeze"),
                    JobKey.of("window", KeyType.whole(1), 1, "Changes from epoch to epoch that are averaged"))));

    static final JobKey<Integer> NUM_TRAIN_EPOCHS = JobKey.of(
                    "num_train_epochs", KeyType.whole(1), 3, "Number of epochs")
            .onResume(Resume.MORE_EPOCHS);
    static final JobKey<Integer> BATCH_SIZE = JobKey.of(
            "batch_size", KeyType.whole(1), 32, "Examples per optimizer step over the whole cluster");
    static final JobKey<Integer> SHARDS = JobKey.derived(
            "shards",
            KeyType.whole(1),
            "8, or less for a smaller batch",
            "Parts of a batch, a power of two up to `batch_size`: the largest useful number of task slots; changing it"
                    + " changes the result's bits");
    static final JobKey<Double> LABEL_SMOOTHING = JobKey.of(
            "label_smoothing_factor", KeyType.number(Range.PROBABILITY), 0.0, "Label smoothing of the loss");
    static final JobKey<String> METRIC_FOR_BEST_MODEL = JobKey.derived(
            "metric_for_best_model",
            KeyType.TEXT,
            "the validation loss",
            "Validation metric that decides which epoch is best");
    static final JobKey<Boolean> LOAD_BEST_MODEL_AT_END = JobKey.of(
            "load_best_model_at_end",
            KeyType.FLAG,
            false,
            "Whether `adapter/` holds the best epoch instead of the last; needs `data.validation`");
    static final JobKey<Integer> EARLY_STOPPING_PATIENCE = JobKey.optional(
            "early_stopping_patience",
            KeyType.whole(1),
            "Epochs without a better metric after which training ends; needs `data.validation`");

    static final JobSection TRAINING = JobSection.of(
            "training",
            NUM_TRAIN_EPOCHS,
            BATCH_SIZE,
            SHARDS,
            JobKey.of(
                    "gradient_accumulation_steps",
                    KeyType.whole(1),
                    1,
                    "Microbatches in which a shard's part of a batch is computed; saves memory, the batch stays the same"),
            JobKey.of("learning_rate", KeyType.number(Range.POSITIVE), 5.0e-4, "Largest learning rate of AdamW"),
            JobKey.of(
                    "lr_scheduler_type",
                    KeyType.choice(LrSchedulerType.class),
                    LrSchedulerType.LINEAR,
                    "Course of the learning rate after warm-up, as in transformers"),
            JobKey.of("warmup_steps", KeyType.whole(0), 0, "Steps over which the learning rate rises from 0"),
            JobKey.of(
                    "weight_decay", KeyType.number(Range.NOT_NEGATIVE), 0.01, "Decoupled weight decay of AdamW"),
            JobKey.of("adam_beta1", KeyType.number(Range.PROBABILITY), 0.9, "AdamW's beta1"),
            JobKey.of("adam_beta2", KeyType.number(Range.PROBABILITY), 0.999, "AdamW's beta2"),
            JobKey.of("adam_epsilon", KeyType.number(Range.POSITIVE), 1.0e-8, "AdamW's epsilon"),
            JobKey.of(
                    "max_grad_norm",
                    KeyType.numberOrNull(Range.POSITIVE),
                    1.0,
                    "Largest global gradient norm; `null` turns clipping off"),
            JobKey.optional(
                    "loraplus_lr_ratio",
                    KeyType.number(Range.POSITIVE),
                    "LoRA+: learning rate of B and of biases divided by that of A"),
            LABEL_SMOOTHING,
            METRIC_FOR_BEST_MODEL,
            LOAD_BEST_MODEL_AT_END,
            EARLY_STOPPING_PATIENCE);

    static final JobKey<ComputeDevice> DEVICE = JobKey.of(
            "device",
            KeyType.choice(ComputeDevice.class),
            ComputeDevice.CPU,
            "Where executors compute; this version has `cpu` only");

    static final JobSection EXECUTION = JobSection.of(
                    "execution",
                    JobKey.of(
                            "exchange",
                            KeyType.choice(Exchange.class),
                            Exchange.AUTO,
                            "How gradients are summed: among executors, or through the driver"),
                    DEVICE,
                    JobKey.of(
                            "activation_cache",
                            KeyType.choice(ActivationCache.class),
                            ActivationCache.AUTO,
                            "Whether and where activations below the lowest live layer are cached"),
                    JobKey.of(
                            "activation_cache_type",
                            KeyType.choice(Precision.class),
                            Precision.FLOAT32,
                            "Number type of cached activations"),
                    JobKey.of(
                            "base_dropout",
                            KeyType.DROPOUT,
                            DropoutSetting.NONE,
                            "Embedding, hidden and attention dropout of the base model; `model` takes its own value"),
                    JobKey.of(
                            "head_dropout",
                            KeyType.DROPOUT,
                            DropoutSetting.NONE,
                            "Dropout before the classifier; `model` takes the model's own value"),
                    JobKey.optional(
                            "checkpoint_every",
                            KeyType.whole(1),
                            "Steps between checkpoints within an epoch; the end of an epoch always has one"),
                    JobKey.of(
                            "max_failures",
                            KeyType.whole(0),
                            4,
                            "Failures in a row, without progress, that the run survives"))
            .freeOnResume();

    static final JobKey<String> MLFLOW =
            JobKey.optional("mlflow", KeyType.TEXT, "Address of an MLflow tracking server, without a user in it");
    static final JobKey<String> EXPERIMENT = JobKey.derived(
            "experiment", KeyType.TEXT, "`Default` with `mlflow`", "MLflow experiment that the run belongs to");
    static final JobKey<String> TENSORBOARD =
            JobKey.optional("tensorboard", KeyType.TEXT, "Directory for TensorBoard's event files");

    static final JobSection TRACKING =
            JobSection.of("tracking", MLFLOW, EXPERIMENT, TENSORBOARD).freeOnResume();

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
        return JobKey.derived(name, KeyType.custom("a map of keys"), "see below", meaning);
    }

    private static <T> JobKey<T> inherited(String name, KeyType<T> type, String meaning) {
        return JobKey.derived(name, type, "that of `lora`", meaning);
    }
}
