package org.sparklora.driver.job.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.data.TextTokenizer;

/** Reads the sections of a job in the order of the file. */
final class JobReader {

    private static final List<String> CLASSIFICATION_METRICS = List.of("accuracy", "auc", "f1", "loss");
    private static final List<String> REGRESSION_METRICS = List.of("loss", "mse", "pearson", "spearman");
    private static final List<String> MULTI_LABEL_METRICS = List.of("accuracy", "f1", "loss");
    private static final List<String> TOKEN_METRICS = List.of("accuracy", "f1", "loss", "precision", "recall");

    private final YamlSection root;
    private final JobPaths paths;

    JobReader(YamlSection root, JobPaths paths) {
        this.root = root;
        this.paths = paths;
    }

    JobConfig read(String fileName, Optional<String> outputOverride) {
        String name = root.text("name").orElse(fileName);
        long seed = root.wholeLong("seed", 42);
        ModelConfig model = model(root.section("model"));
        DataConfig data = data(root.section("data"));
        LoraConfig lora = new LoraReader(root.section("lora"), paths).read();
        checkPairs(model.task(), data);
        List<String> metrics = data.validation().isPresent() ? metrics(model) : List.of();
        ScheduleReader.Read schedule = new ScheduleReader(root.section("schedule"), lora, metrics).read();
        TrainingConfig training =
                training(root.section("training"), model, data.validation().isPresent());
        ExecutionConfig execution = execution(root.section("execution"));
        TrackingConfig tracking = tracking(root.section("tracking"));
        if (outputOverride.isEmpty() && !root.has("output")) {
            root.problem("output", "is missing; it names the run directory, here or with --output");
        }
        // Read even where the command line wins, so that it is a known key.
        Optional<String> ofFile = root.text("output");
        String output = outputOverride.or(() -> ofFile).map(paths::output).orElse("");
        return new JobConfig(
                name, seed, model, data, schedule.lora(), schedule.schedule(), training, execution, tracking, output);
    }

    private ModelConfig model(YamlSection s) {
        String path = s.requiredText("path", "names the Hugging Face directory of the base model");
        Task task = s.choice("task", Task.CLASSIFICATION);
        Optional<List<String>> labels = s.has("labels") ? Optional.of(s.texts("labels")) : Optional.empty();
        if (labels.isPresent() && task == Task.REGRESSION) {
            s.problem("labels", "must be left out with task: regression");
        } else if (task != Task.MULTI_LABEL
                && s.raw("labels").filter(JobReader::isShort).isPresent()) {
            s.problem("labels", "must name at least two labels");
        } else if (s.raw("labels").filter(List.of()::equals).isPresent()) {
            s.problem("labels", "must name at least one label");
        }
        // What the tokenizer needs for the special tokens of any pair and one token of text.
        int maxLength = s.whole("max_length", 128, TextTokenizer.MIN_LENGTH);
        s.finish();
        return new ModelConfig(path.isEmpty() ? path : paths.input(path), task, labels, maxLength);
    }

    private static boolean isShort(Object labels) {
        return labels instanceof List<?> list && list.size() < 2;
    }

    private DataConfig data(YamlSection s) {
        SourceConfig train = source(
                s.section("train"),
                new SourceConfig(
                        "",
                        Optional.empty(),
                        "text",
                        Optional.empty(),
                        "label",
                        Optional.empty(),
                        Collections.emptySortedMap()));
        Optional<ValidationConfig> validation = s.optionalSection("validation").map(v -> validation(v, train));
        DataOrder order = s.choice("order", DataOrder.SHUFFLED);
        boolean shuffled = order == DataOrder.SHUFFLED;
        boolean groupByLength = s.flag("group_by_length", shuffled);
        if (groupByLength && !shuffled) {
            s.problem("group_by_length", "needs order: shuffled; with order: given rows keep their order");
        }
        s.finish();
        return new DataConfig(train, validation, order, groupByLength);
    }

    private ValidationConfig validation(YamlSection s, SourceConfig train) {
        if (!s.has("fraction")) {
            return new ValidationConfig.Source(source(s, train));
        }
        ValidationConfig fraction = new ValidationConfig.Fraction(s.number("fraction", 0.1, Range.FRACTION));
        if (s.keys().stream().anyMatch(key -> !key.equals("fraction") && s.has(key))) {
            s.problem("fraction", "holds out training rows and goes with no other key; remove it or the others");
        }
        return fraction;
    }

    /** A source whose keys default to those of another, save the path. */
    private SourceConfig source(YamlSection s, SourceConfig inherited) {
        String path = s.requiredText("path", "names the file, directory or glob to read");
        SourceConfig source = new SourceConfig(
                path.isEmpty() ? path : paths.input(path),
                s.text("format").or(inherited::format),
                s.text("text").orElse(inherited.text()),
                s.text("text_pair").or(inherited::textPair),
                s.text("label").orElse(inherited.label()),
                s.text("weight").or(inherited::weight),
                s.has("options") ? s.textMap("options") : inherited.options());
        s.finish();
        return source;
    }

    /** Tags are for the words of one text. */
    private void checkPairs(Task task, DataConfig data) {
        if (task != Task.TOKEN_CLASSIFICATION) {
            return;
        }
        String message = "must be left out with task: token_classification";
        if (data.train().textPair().isPresent()) {
            root.section("data").section("train").problem("text_pair", message);
        } else if (data.validation().orElse(null) instanceof ValidationConfig.Source own
                && own.source().textPair().isPresent()) {
            root.section("data").section("validation").problem("text_pair", message);
        }
    }

    private static TrainingConfig training(YamlSection s, ModelConfig model, boolean validated) {
        int epochs = s.whole("num_train_epochs", 3, 1);
        int batchSize = s.whole("batch_size", 32, 1);
        // A small batch alone shall not refuse a job: the default gives way, by the job's own numbers only.
        int shards = s.whole("shards", Math.min(8, Integer.highestOneBit(batchSize)), 1);
        if (Integer.bitCount(shards) != 1 || shards > batchSize) {
            s.mismatch("shards", "'" + shards + "'", "a power of two, at most training.batch_size=" + batchSize);
        }
        TrainingConfig training = new TrainingConfig(
                epochs,
                batchSize,
                shards,
                s.whole("gradient_accumulation_steps", 1, 1),
                s.number("learning_rate", 5.0e-4, Range.POSITIVE),
                s.choice("lr_scheduler_type", LrSchedulerType.LINEAR),
                s.whole("warmup_steps", 0, 0),
                s.number("weight_decay", 0.01, Range.NOT_NEGATIVE),
                s.number("adam_beta1", 0.9, Range.PROBABILITY),
                s.number("adam_beta2", 0.999, Range.PROBABILITY),
                s.number("adam_epsilon", 1.0e-8, Range.POSITIVE),
                s.isNull("max_grad_norm")
                        ? OptionalDouble.empty()
                        : OptionalDouble.of(s.number("max_grad_norm", 1.0, Range.POSITIVE_OR_NULL)),
                s.number("loraplus_lr_ratio", Range.POSITIVE),
                s.number("label_smoothing_factor", 0.0, Range.PROBABILITY),
                s.text("metric_for_best_model"),
                s.flag("load_best_model_at_end", false),
                s.whole("early_stopping_patience", 1));
        checkTask(s, training, model, validated);
        s.finish();
        return training;
    }

    /** What validation tells of a task. */
    private static List<String> metrics(ModelConfig model) {
        return switch (model.task()) {
            case CLASSIFICATION -> CLASSIFICATION_METRICS;
            case REGRESSION -> REGRESSION_METRICS;
            case TOKEN_CLASSIFICATION -> TOKEN_METRICS;
            case MULTI_LABEL ->
                // Which labels there are can be known here only where the job names them.
                Stream.concat(
                                MULTI_LABEL_METRICS.stream(),
                                model.labels().orElse(List.of()).stream().map(label -> "f1_" + label))
                        .toList();
        };
    }

    private static void checkTask(YamlSection s, TrainingConfig training, ModelConfig model, boolean validated) {
        List<String> metrics = metrics(model);
        training.metricForBestModel()
                .filter(metric -> !metrics.contains(metric))
                .ifPresent(metric -> s.mismatch(
                        "metric_for_best_model", "'" + metric + "'", "one of " + String.join(", ", metrics)));
        if (model.task() == Task.REGRESSION && training.labelSmoothingFactor() > 0) {
            s.problem("label_smoothing_factor", "must be left out with task: regression");
        }
        if (!validated && training.loadBestModelAtEnd()) {
            s.problem("load_best_model_at_end", "needs data.validation to tell which epoch is best");
        }
        if (!validated && training.earlyStoppingPatience().isPresent()) {
            s.problem("early_stopping_patience", "needs data.validation to tell which epoch is best");
        }
    }

    private static ExecutionConfig execution(YamlSection s) {
        ExecutionConfig execution = new ExecutionConfig(
                s.choice("exchange", Exchange.AUTO),
                s.choice("device", ComputeDevice.CPU),
                s.choice("activation_cache", ActivationCache.AUTO),
                s.choice("activation_cache_type", Precision.FLOAT32),
                dropout(s, "base_dropout"),
                dropout(s, "head_dropout"),
                s.whole("checkpoint_every", 1),
                s.whole("max_failures", 4, 0));
        s.finish();
        return execution;
    }

    private static DropoutSetting dropout(YamlSection s, String key) {
        Optional<Object> value = s.raw(key);
        if (value.isEmpty()) {
            return DropoutSetting.NONE;
        }
        if (value.get() instanceof YamlScalar scalar) {
            if (scalar.text().equals("model")) {
                return DropoutSetting.MODEL;
            }
            if (scalar.isNumber()) {
                return DropoutSetting.of(s.number(key, 0.0, Range.PROBABILITY));
            }
        }
        s.mismatch(key, value.get(), Range.PROBABILITY.words() + ", or model");
        return DropoutSetting.NONE;
    }

    private TrackingConfig tracking(YamlSection s) {
        Optional<String> uri = s.text("mlflow");
        Optional<String> experiment = s.text("experiment");
        Optional<String> tensorboard = s.text("tensorboard").map(paths::output);
        if (uri.filter(text -> !isServer(text)).isPresent()) {
            s.mismatch(
                    "mlflow",
                    "'" + uri.get() + "'",
                    "the address of a tracking server, such as http://localhost:5000, without a user in it:"
                            + " credentials are read from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or"
                            + " MLFLOW_TRACKING_TOKEN");
        }
        if (experiment.isPresent() && uri.isEmpty()) {
            s.problem("experiment", "needs tracking.mlflow, the tracking server");
        }
        s.finish();
        return new TrackingConfig(
                uri.map(text ->
                        new TrackingConfig.Mlflow(text, experiment.orElse(TrackingConfig.Mlflow.DEFAULT_EXPERIMENT))),
                tensorboard);
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
