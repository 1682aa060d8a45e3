package org.sparklora.driver.job.config;

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

/** Writes a job as YAML with every key, defaults filled in; {@link JobFile} reads it to an equal job. */
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

    /** The job as maps, lists and plain values, in the order of the file. */
    static Map<String, @Nullable Object> tree(JobConfig job) {
        return map(
                entry("name", job.name()),
                entry("seed", job.seed()),
                entry("model", model(job.model())),
                entry("data", data(job.data())),
                entry("lora", lora(job)),
                entry("schedule", schedule(job.schedule(), job.lora())),
                entry("training", training(job.training())),
                entry("execution", execution(job.execution())),
                entry("tracking", tracking(job.tracking())),
                entry("output", job.output()));
    }

    /** Every value of the job by its path, as text; lists whole; what is null is left out. */
    public static SortedMap<String, String> leaves(JobConfig job) {
        SortedMap<String, String> leaves = new TreeMap<>();
        JobChanges.flatten("", tree(job), leaves);
        leaves.values().removeIf("null"::equals);
        return leaves;
    }

    private static Map<String, @Nullable Object> tracking(TrackingConfig tracking) {
        return map(
                entry(
                        "mlflow",
                        tracking.mlflow().map(TrackingConfig.Mlflow::uri).orElse(null)),
                entry(
                        "experiment",
                        tracking.mlflow().map(TrackingConfig.Mlflow::experiment).orElse(null)),
                entry("tensorboard", tracking.tensorboard().orElse(null)));
    }

    private static Map<String, @Nullable Object> model(ModelConfig model) {
        return map(
                entry("path", model.path()),
                entry("task", YamlSection.word(model.task())),
                entry("labels", model.labels().orElse(null)),
                entry("max_length", model.maxLength()));
    }

    private static Map<String, @Nullable Object> data(DataConfig data) {
        return map(
                entry("train", source(data.train())),
                entry(
                        "validation",
                        data.validation().map(ResolvedYaml::validation).orElse(null)),
                entry("order", YamlSection.word(data.order())),
                entry("group_by_length", data.groupByLength()));
    }

    private static Map<String, @Nullable Object> validation(ValidationConfig validation) {
        if (validation instanceof ValidationConfig.Source s) {
            return source(s.source());
        }
        return map(entry("fraction", ((ValidationConfig.Fraction) validation).fraction()));
    }

    private static Map<String, @Nullable Object> source(SourceConfig source) {
        return map(
                entry("path", source.path()),
                entry("format", source.format().orElse(null)),
                entry("text", source.text()),
                entry("text_pair", source.textPair().orElse(null)),
                entry("label", source.label()),
                entry("weight", source.weight().orElse(null)),
                entry("options", source.options()));
    }

    /** The adapter without the groups that events add: those stand with their events. */
    private static Map<String, @Nullable Object> lora(JobConfig job) {
        LoraConfig lora = job.lora();
        Map<String, @Nullable Object> groups = new LinkedHashMap<>();
        lora.groups().forEach((name, group) -> groups.put(name, withoutInherited(group, lora)));
        job.schedule().events().forEach(event -> event.add().forEach(groups::remove));
        return map(
                entry("r", lora.r()),
                entry("lora_alpha", lora.loraAlpha()),
                entry("lora_dropout", lora.loraDropout()),
                entry("rank_pattern", orNull(lora.rankPattern())),
                entry("alpha_pattern", orNull(lora.alphaPattern())),
                entry(
                        "exclude_modules",
                        lora.excludeModules().equals(ModulePattern.NONE) ? null : modules(lora.excludeModules())),
                entry("bias", lora.bias().peftName()),
                entry("use_rslora", lora.useRslora()),
                entry("modules_to_save", lora.modulesToSave()),
                entry("init_adapter", lora.initAdapter().orElse(null)),
                entry("groups", groups));
    }

    /** Keys of {@code lora} hold for all heirs together: written into each group, one could match nothing there. */
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

    static Map<String, @Nullable Object> group(GroupConfig group) {
        return map(
                entry("target_modules", modules(group.targetModules())),
                entry("exclude_modules", modules(group.excludeModules())),
                entry("layers_to_transform", group.layersToTransform().isEmpty() ? null : group.layersToTransform()),
                entry("purpose", group.purpose()),
                entry("r", group.r()),
                entry("lora_alpha", group.loraAlpha()),
                entry("lora_dropout", group.loraDropout()),
                entry("rank_pattern", group.rankPattern().asMap()),
                entry("alpha_pattern", group.alphaPattern().asMap()),
                entry("learning_rate_scale", group.learningRateScale()),
                entry("warmup_steps", group.warmupSteps()));
    }

    private static Object modules(ModulePattern pattern) {
        if (pattern instanceof ModulePattern.Names list) {
            return list.names();
        }
        return pattern instanceof ModulePattern.Regex string ? string.regex() : ModulePattern.AllLinear.SHORTHAND;
    }

    private static @Nullable Object orNull(PatternMap<?> patterns) {
        return patterns.isEmpty() ? null : patterns.asMap();
    }

    private static Map<String, @Nullable Object> schedule(ScheduleConfig schedule, LoraConfig lora) {
        List<Map<String, @Nullable Object>> events =
                schedule.events().stream().map(e -> event(e, lora)).toList();
        List<String> groups = schedule.groups();
        Map<String, @Nullable Object> map = map(
                entry("policy", YamlSection.word(schedule.policy().kind())),
                entry("live", schedule.live()),
                entry("groups", groups.isEmpty() ? null : groups),
                entry("events", events));
        map.putAll(policy(schedule.policy()));
        return map;
    }

    private static Map<String, @Nullable Object> policy(PolicyConfig policy) {
        if (policy instanceof PolicyConfig.Gradual gradual) {
            return map(entry("every", gradual.every()), entry("learning_rate_decay", gradual.learningRateDecay()));
        }
        if (policy instanceof PolicyConfig.Plateau plateau) {
            return map(
                    entry("metric", plateau.metric()),
                    entry("min_delta", plateau.minDelta()),
                    entry("patience", plateau.patience()),
                    entry("min_epochs", plateau.minEpochs()),
                    entry("max_epochs", orNull(plateau.maxEpochs())),
                    entry("restore_best", plateau.restoreBest()));
        }
        if (policy instanceof PolicyConfig.Lisa lisa) {
            return map(
                    entry("sample", lisa.sample()),
                    entry("period", lisa.period()),
                    entry("weights", lisa.weights()),
                    entry("optimizer_state", YamlSection.word(lisa.optimizerState())));
        }
        if (policy instanceof PolicyConfig.Autofreeze autofreeze) {
            return map(entry("percentile", autofreeze.percentile()), entry("window", autofreeze.window()));
        }
        return map();
    }

    /** @param lora with the groups that events add */
    static Map<String, @Nullable Object> event(EpochSchedule.Event event, LoraConfig lora) {
        Map<String, @Nullable Object> add = new LinkedHashMap<>();
        event.add()
                .forEach(name -> add.put(
                        name,
                        withoutInherited(Objects.requireNonNull(lora.groups().get(name)), lora)));
        return map(
                entry("epoch", event.epoch()),
                entry("step", orNull(event.step())),
                entry("add", add),
                entry("thaw", event.thaw()),
                entry("freeze", event.freeze()),
                entry("optimizer_state", YamlSection.word(event.optimizerState())));
    }

    private static Map<String, @Nullable Object> training(TrainingConfig training) {
        return map(
                entry("num_train_epochs", training.numTrainEpochs()),
                entry("batch_size", training.batchSize()),
                entry("shards", training.shards()),
                entry("gradient_accumulation_steps", training.gradientAccumulationSteps()),
                entry("learning_rate", training.learningRate()),
                entry("lr_scheduler_type", YamlSection.word(training.lrSchedulerType())),
                entry("warmup_steps", training.warmupSteps()),
                entry("weight_decay", training.weightDecay()),
                entry("adam_beta1", training.adamBeta1()),
                entry("adam_beta2", training.adamBeta2()),
                entry("adam_epsilon", training.adamEpsilon()),
                entry("max_grad_norm", orNull(training.maxGradNorm())),
                entry("loraplus_lr_ratio", orNull(training.loraplusLrRatio())),
                entry("label_smoothing_factor", training.labelSmoothingFactor()),
                entry("metric_for_best_model", training.metricForBestModel().orElse(null)),
                entry("load_best_model_at_end", training.loadBestModelAtEnd()),
                entry("early_stopping_patience", orNull(training.earlyStoppingPatience())));
    }

    private static Map<String, @Nullable Object> execution(ExecutionConfig execution) {
        return map(
                entry("exchange", YamlSection.word(execution.exchange())),
                entry("device", YamlSection.word(execution.device())),
                entry("activation_cache", YamlSection.word(execution.activationCache())),
                entry("activation_cache_type", YamlSection.word(execution.activationCacheType())),
                entry("base_dropout", dropout(execution.baseDropout())),
                entry("head_dropout", dropout(execution.headDropout())),
                entry("checkpoint_every", orNull(execution.checkpointEvery())),
                entry("max_failures", execution.maxFailures()));
    }

    private static Object dropout(DropoutSetting dropout) {
        return dropout.rate().isPresent() ? (Object) dropout.rate().getAsDouble() : "model";
    }

    private static @Nullable Object orNull(OptionalInt value) {
        return value.isPresent() ? value.getAsInt() : null;
    }

    private static @Nullable Object orNull(OptionalDouble value) {
        return value.isPresent() ? value.getAsDouble() : null;
    }

    /** A key and its value; null is written as null. */
    private record Entry(String key, Optional<Object> value) {}

    private static Entry entry(String key, @Nullable Object value) {
        if (value instanceof List<?> list) {
            // A list that stands in two places, as List.of() does, would be written as an anchor and an alias.
            return new Entry(key, Optional.of(new ArrayList<>(list)));
        }
        return new Entry(key, Optional.ofNullable(value));
    }

    private static Map<String, @Nullable Object> map(Entry... entries) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        for (Entry entry : entries) {
            map.put(entry.key(), entry.value().orElse(null));
        }
        return map;
    }
}
