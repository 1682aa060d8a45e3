package org.sparklora.driver.job.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.sparklora.driver.job.config.JobSection.Values;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.Precision;

/**
 * Reads the sections of a job in the order of the file, and checks what concerns more than one key. {@link JobKeyTable} has
 * the types and defaults.
 */
record JobReader(YamlSection root, JobPaths paths) {

    /** A source has one of these keys. */
    private static final List<String> ORIGINS = List.of("path", "table", "sql");

    /** Validation rows do not inherit these from the training rows. */
    private static final Set<String> OWN_OF_SOURCE = Set.of("path", "table", "sql", "where");

    private static final String CONFLICT = "config.value.conflict";
    private static final String UNAVAILABLE = "config.value.unavailable";

    JobConfig read(String fileName, Optional<String> outputOverride) {
        // Unknown keys come last, behind the problems of all sections.
        Values job = JobKeyTable.JOB.read(root, List.copyOf(root.keys()));
        ModelConfig model = model(root.section("model"));
        DataConfig data = data(root.section("data"), model.task());
        LoraConfig lora = new LoraReader(root.section("lora"), paths).read();
        List<String> metrics = metrics(model);
        boolean validated = data.validation().isPresent();
        ScheduleReader.Read schedule = new ScheduleReader(
                        root.section("schedule"), lora, validated ? metrics : List.of(), job.get("seed"))
                .read();
        job.setDefault("name", fileName);
        job.set("model", model);
        job.set("data", data);
        job.set("lora", schedule.lora());
        job.set("schedule", schedule.schedule());
        YamlSection training = root.section("training");
        job.set("training", training(training, model, metrics, data));
        job.set("execution", execution(root.section("execution")));
        job.set("tracking", tracking(root.section("tracking")));
        checkKeyed(data, lora);
        if (outputOverride.isEmpty() && !root.has("output")) {
            JobKeyTable.JOB.key("output").reportMissing(root);
        }
        root.refuseOthers(JobKeyTable.JOB.names());
        Optional<String> output = outputOverride.filter(path -> !path.isEmpty()).or(() -> job.find("output"));
        job.set("output", output.map(paths::output).orElse(""));
        return job.to(JobConfig.class);
    }

    private ModelConfig model(YamlSection s) {
        Values values = JobKeyTable.MODEL.read(s);
        String path = values.get("path");
        values.set("path", path.isEmpty() ? path : paths.model(path));
        ModelConfig model = values.to(ModelConfig.class);
        int minLabels = model.task() == Task.MULTI_LABEL ? 1 : 2;
        if (s.has("labels") && model.task() == Task.REGRESSION) {
            s.problem(CONFLICT, "labels", "must be left out with task: regression");
        } else if (s.value("labels")
                .filter(labels -> labels instanceof List<?> list && list.size() < minLabels)
                .isPresent()) {
            s.problem(
                    "config.value.invalid",
                    "labels",
                    "must name at least " + minLabels + " label" + (minLabels == 1 ? "" : "s"));
        }
        return model;
    }

    private String input(String path) {
        return path.isEmpty() ? path : paths.input(path);
    }

    private DataConfig data(YamlSection s, Task task) {
        Values values = JobKeyTable.DATA.read(s);
        YamlSection train = s.section("train");
        SourceConfig source = source(train, JobKeyTable.SOURCE.read(train));
        checkPair(train, source, task);
        values.set("train", source);
        if (s.has("validation")) {
            values.set("validation", validation(s.section("validation"), source, task));
        }
        boolean shuffled = values.<DataOrder>get("order") == DataOrder.SHUFFLED;
        values.setDefault("group_by_length", shuffled);
        if (values.find("adapter").isPresent()) {
            values.setDefault("min_rows", DataConfig.Keyed.MIN_ROWS);
            values.setDefault("max_keys", DataConfig.Keyed.MAX_KEYS);
        } else {
            Stream.of("min_rows", "max_keys")
                    .filter(s::has)
                    .forEach(key -> s.problem(CONFLICT, key, "needs data.adapter, the column of the keys"));
        }
        DataConfig data = values.to(DataConfig.class);
        if (!shuffled && source.isOfCatalog()) {
            s.problem(
                    CONFLICT,
                    "order",
                    "is shuffled for a table or query, whose rows have no order; use files for given");
        }
        if (data.groupByLength() && !shuffled) {
            s.problem(CONFLICT, "group_by_length", "needs order: shuffled; with order: given rows keep their order");
        }
        return data;
    }

    /** Checks what a job with an adapter for each key cannot have, and what only such a job can. */
    private void checkKeyed(DataConfig data, LoraConfig lora) {
        YamlSection s = root.section("lora");
        if (data.keyed().adapter().isEmpty()) {
            if (lora.init().isPresent()) {
                s.problem(CONFLICT, "init", "needs data.adapter, the column of the keys");
            }
            return;
        }
        boolean plain =
                !lora.method().isAdaptive() && lora.method().initLoraWeights().equals("true");
        if (lora.init().isPresent() && !plain) {
            s.problem(
                    CONFLICT,
                    "init",
                    "needs peft_type: LORA and init_lora_weights: true, since other adapters are saved in another form"
                            + " than they start in");
        }
        YamlSection tracking = root.section("tracking");
        Stream.of("mlflow", "tensorboard")
                .filter(tracking::has)
                .forEach(key -> tracking.problem(
                        UNAVAILABLE, key, "is not available with data.adapter; read history.jsonl of the run"));
    }

    private ValidationConfig validation(YamlSection s, SourceConfig train, Task task) {
        if (!s.has("fraction")) {
            SourceConfig source =
                    source(s, JobKeyTable.SOURCE.read(s, List.of("fraction")).inherit(train, OWN_OF_SOURCE));
            if (train.textPair().isEmpty()) {
                checkPair(s, source, task);
            }
            return new ValidationConfig.Source(source);
        }
        if (s.keys().stream().anyMatch(key -> !key.equals("fraction") && s.has(key))) {
            s.problem(CONFLICT, "fraction", "holds out training rows and allows no other key; remove it or the others");
        }
        Values values = JobKeyTable.VALIDATION_FRACTION.read(s, JobKeyTable.SOURCE.names());
        return new ValidationConfig.Fraction(values.<Double>find("fraction").orElse(0.1));
    }

    private SourceConfig source(YamlSection s, Values values) {
        List<String> given = ORIGINS.stream().filter(s::has).toList();
        if (given.isEmpty()) {
            JobKeyTable.SOURCE.key("path").reportMissing(s);
        } else if (given.size() > 1) {
            s.problem(CONFLICT, given.get(1), "must be left out with " + given.get(0) + ": a source has one of them");
        }
        values.set("path", values.<String>find("path").map(this::input).orElse(null));
        return values.to(SourceConfig.class);
    }

    /** Tags label the words of one text. */
    private static void checkPair(YamlSection s, SourceConfig source, Task task) {
        if (task == Task.TOKEN_CLASSIFICATION && source.textPair().isPresent()) {
            s.problem(CONFLICT, "text_pair", "must be left out with task: token_classification");
        }
    }

    private static TrainingConfig training(YamlSection s, ModelConfig model, List<String> metrics, DataConfig data) {
        boolean validated = data.validation().isPresent();
        Values values = JobKeyTable.TRAINING.read(s);
        int batchSize = values.get("batch_size");
        // A small batch alone must not refuse a job. The default depends on the job's own numbers only.
        boolean keyed = data.keyed().adapter().isPresent();
        values.setDefault("shards", keyed ? 1 : Math.min(8, Integer.highestOneBit(batchSize)));
        if (s.has("max_steps")) {
            if (s.has("num_train_epochs")) {
                s.problem(CONFLICT, "max_steps", "must be left out with training.num_train_epochs");
            }
            values.set("num_train_epochs", null);
        }
        TrainingConfig training = values.to(TrainingConfig.class);
        int shards = training.shards();
        if (Integer.bitCount(shards) != 1 || shards > batchSize) {
            s.mismatch("shards", "'" + shards + "'", "a power of two, at most training.batch_size=" + batchSize);
        }
        if (training.warmupRatio().isPresent() && training.warmupSteps() > 0) {
            s.problem(CONFLICT, "warmup_ratio", "must be left out with training.warmup_steps");
        }
        training.metricForBestModel()
                .filter(metric -> !metrics.contains(metric))
                .ifPresent(metric -> s.mismatch(
                        "metric_for_best_model", "'" + metric + "'", "one of " + String.join(", ", metrics)));
        checkLoss(s, training.loss(), model);
        if (!validated && training.loadBestModelAtEnd()) {
            s.problem(CONFLICT, "load_best_model_at_end", "needs data.validation to tell which epoch is best");
        }
        if (!validated && training.earlyStoppingPatience().isPresent()) {
            s.problem(CONFLICT, "early_stopping_patience", "needs data.validation to tell which epoch is best");
        }
        return training;
    }

    /** Refuses settings of the loss and of predictions that the task does not have. */
    private static void checkLoss(YamlSection s, TrainingConfig.Loss loss, ModelConfig model) {
        boolean smoothed = loss.labelSmoothingFactor() > 0;
        boolean focal = loss.focalGamma().orElse(0) > 0;
        boolean weighted = loss.classWeights().isPresent();
        List<String> misplaced = new ArrayList<>();
        if (model.task() == Task.REGRESSION && smoothed) {
            misplaced.add("label_smoothing_factor");
        }
        if (model.task() == Task.REGRESSION && focal) {
            misplaced.add("focal_gamma");
        }
        if ((model.task() == Task.REGRESSION || model.task() == Task.MULTI_LABEL) && weighted) {
            misplaced.add("class_weights");
        }
        if (model.task() != Task.MULTI_LABEL && loss.threshold().isPresent()) {
            misplaced.add("threshold");
        }
        misplaced.forEach(
                key -> s.problem(CONFLICT, key, "must be left out with task: " + YamlSection.word(model.task())));
        if (smoothed && focal) {
            s.problem(CONFLICT, "focal_gamma", "must be left out with training.label_smoothing_factor");
        }
        List<String> labels = model.labels().orElse(List.of());
        loss.classWeights().flatMap(ClassWeights::byLabel).orElse(new TreeMap<>()).keySet().stream()
                .filter(label -> !labels.isEmpty() && !labels.contains(label))
                .forEach(label -> s.mismatch("class_weights", "'" + label + "'", "weights of model.labels"));
    }

    /** The metrics of a validation with this task. */
    static List<String> metrics(ModelConfig model) {
        return switch (model.task()) {
            case CLASSIFICATION -> List.of("accuracy", "auc", "f1", "loss");
            case REGRESSION -> List.of("loss", "mse", "pearson", "spearman");
            case TOKEN_CLASSIFICATION -> List.of("accuracy", "f1", "loss", "precision", "recall");
            case MULTI_LABEL -> {
                List<String> metrics = new ArrayList<>(List.of("accuracy", "f1", "loss"));
                // Only labels that the job names are known here.
                model.labels().orElse(List.of()).forEach(label -> metrics.add("f1_" + label));
                yield metrics;
            }
        };
    }

    private static ExecutionConfig execution(YamlSection s) {
        ExecutionConfig execution = JobKeyTable.EXECUTION.read(s).to(ExecutionConfig.class);
        if (execution.device() == ComputeDevice.GPU) {
            s.problem(UNAVAILABLE, "device='gpu'", "is not available in this version; use cpu");
        }
        if (execution.precision().equals(Optional.of(Precision.BFLOAT16))
                && execution.kernel().equals(Optional.of(Kernel.MKL))) {
            s.problem(CONFLICT, "kernel='mkl'", "multiplies float32 only; leave it out, or use precision: float32");
        }
        return execution;
    }

    private TrackingConfig tracking(YamlSection s) {
        Values tracking = JobKeyTable.TRACKING.read(s);
        Optional<String> uri = tracking.find("mlflow");
        Optional<String> experiment = tracking.find("experiment");
        if (uri.filter(text -> !isServer(text)).isPresent()) {
            s.mismatch(
                    "mlflow",
                    "'" + uri.get() + "'",
                    "the address of a tracking server, such as http://localhost:5000, without a user in it:"
                            + " credentials are read from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or"
                            + " MLFLOW_TRACKING_TOKEN");
        }
        if (experiment.isPresent() && uri.isEmpty()) {
            s.problem(CONFLICT, "experiment", "needs tracking.mlflow, the tracking server");
        }
        return new TrackingConfig(
                uri.map(text ->
                        new TrackingConfig.Mlflow(text, experiment.orElse(TrackingConfig.Mlflow.DEFAULT_EXPERIMENT))),
                tracking.<String>find("tensorboard").map(paths::output));
    }

    private static boolean isServer(String text) {
        try {
            URI uri = new URI(text);
            boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
            return http && uri.getHost() != null && uri.getUserInfo() == null && uri.getQuery() == null;
        } catch (URISyntaxException e) {
            return false;
        }
    }
}
