package org.sparklora.driver.job.config;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.Lisa;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.PatternMap;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.train.LearningRateSchedule;

class JobFileTest {

    /** The example of the contract, in full. */
    private static final String EXAMPLE = """
            name: sentiment                 # default: the file's name
            seed: 42
            model:
              path: DIR                     # required. Hugging Face directory: config.json, model.safetensors, tokenizer.json or vocab.txt
              task: classification          # classification | multi_label | regression | token_classification
              labels: [negative, positive]  # example; default: learnt from the training data, sorted
              max_length: 128
            data:
              train: {path: train.csv, format: csv, text: text, text_pair: null, label: label, weight: null, options: {}}   # path required; format from the file name
              validation: {path: dev.csv}   # example; default none. Same keys, inherited from train; or {fraction: 0.1}
              order: shuffled               # shuffled | given
              group_by_length: true         # length buckets, only with order: shuffled
            lora:
              r: 8
              lora_alpha: 16
              lora_dropout: 0.05
              bias: none                    # none | all | lora_only
              use_rslora: false
              modules_to_save: [classifier]
              init_adapter: null            # a PEFT directory to start from
              groups:                       # required, at least one; these are examples
                top:
                  target_modules: [layer.11.attention.self.query, layer.11.attention.self.value]   # list: whole name or dot-suffix; string: regular expression on the whole name
                  purpose: task-specific layer, live from the start      # default ''
                bottom:
                  target_modules: [query, value]
                  layers_to_transform: [0]
                  r: 4                      # r, lora_alpha, lora_dropout: default inherited
                  learning_rate_scale: 0.25 # default 1.0
                  warmup_steps: 10          # after each thaw; default 0
            schedule:
              policy: epochs                # epochs | gradual | plateau | lisa | autofreeze
              live: [top]                   # required; live at the start. [] trains the head only
              groups: null                  # ordered list that metric and sampling policies act on; a group outside it is never touched by them
              events:                       # default none. Epochs count from 0; an event takes effect before its epoch (`step:` before that step of the epoch)
                - {epoch: 2, thaw: [bottom], optimizer_state: keep}   # keep (default; nothing to keep at a first thaw) | fresh | decay
                - {epoch: 4, freeze: [bottom]}
              # reserved for policies: every, patience, min_delta, min_epochs, max_epochs, metric, restore_best, sample, period, percentile, window, learning_rate_decay
            training:
              num_train_epochs: 3
              batch_size: 32                # examples per optimizer step over the whole cluster
              shards: 8                     # logical shards, a power of two ≤ batch_size
              gradient_accumulation_steps: 1
              learning_rate: 5.0e-4
              lr_scheduler_type: linear     # linear | constant | cosine
              warmup_steps: 0
              weight_decay: 0.01
              adam_beta1: 0.9
              adam_beta2: 0.999
              adam_epsilon: 1.0e-8
              max_grad_norm: 1.0            # null: no clipping
              loraplus_lr_ratio: null
              label_smoothing_factor: 0.0
              metric_for_best_model: null   # with load_best_model_at_end: adapter/ holds the best epoch instead of the last
              load_best_model_at_end: false
              early_stopping_patience: null
            execution:
              exchange: auto                # auto | peer | driver
              device: cpu                   # cpu | gpu
              activation_cache: auto        # auto | off | memory | disk
              activation_cache_type: float32   # float32 | float16
              base_dropout: 0.0             # embedding, hidden and attention dropout of the frozen base; `model` = the model's own value
              head_dropout: 0.0             # before the classifier; `model` likewise
              checkpoint_every: null        # steps; an epoch's end always
              max_failures: 4               # in a row, without progress
            tracking: {}                    # mlflow: …, tensorboard: …
            output: out/sentiment           # required, here or by --output
            """;

    private static final TrainingConfig DEFAULT_TRAINING = new TrainingConfig(
            OptionalInt.of(3),
            OptionalInt.empty(),
            32,
            Optional.empty(),
            8,
            1,
            5.0e-4,
            LearningRateSchedule.Type.LINEAR,
            0,
            OptionalDouble.empty(),
            0.01,
            Optional.of(List.of("bias", "LayerNorm")),
            0.9,
            0.999,
            1.0e-8,
            OptionalDouble.of(1.0),
            OptionalDouble.empty(),
            new TrainingConfig.Loss(0.0, Optional.empty(), OptionalDouble.empty(), OptionalDouble.empty()),
            Optional.empty(),
            false,
            OptionalInt.empty());

    private static final ExecutionConfig DEFAULT_EXECUTION = new ExecutionConfig(
            Exchange.AUTO,
            Optional.empty(),
            Optional.empty(),
            ComputeDevice.CPU,
            ActivationCache.AUTO,
            StoredType.FLOAT32,
            DropoutSetting.NONE,
            DropoutSetting.NONE,
            OptionalInt.empty(),
            4,
            Duration.ofMinutes(10),
            OptionalInt.empty());

    @TempDir
    Path directory;

    @Test
    void fillsInTheDefaults() {
        assertThat(Jobs.read(directory, Jobs.SMALLEST))
                .isEqualTo(new JobConfig(
                        "job",
                        42,
                        new ModelConfig("/m", Task.CLASSIFICATION, Optional.empty(), 128),
                        new DataConfig(
                                source("/d/train.csv"),
                                Optional.empty(),
                                DataOrder.SHUFFLED,
                                true,
                                DataConfig.Keyed.NONE),
                        lora(new TreeMap<>(Map.of("top", group(new ModulePattern.Names(List.of("query")), "")))),
                        new ScheduleConfig(new EpochSchedule(List.of("top"), List.of()), List.of()),
                        DEFAULT_TRAINING,
                        DEFAULT_EXECUTION,
                        TrackingConfig.NONE,
                        "/o"));
    }

    @Test
    void takesEveryKey() {
        Map<String, Integer> ranks = new LinkedHashMap<>();
        ranks.put("query", 6);
        ranks.put(".*dense", 5);
        Map<String, Integer> ofTop = new LinkedHashMap<>();
        ofTop.put("^bert.*11.*query", 3);
        ofTop.put("query", 1);
        assertThat(Jobs.readEvenIfUnavailable(directory, Jobs.EVERY_KEY))
                .isEqualTo(new JobConfig(
                        "changed",
                        7,
                        new ModelConfig("/m", Task.MULTI_LABEL, Optional.of(List.of("no", "null", "1")), 64),
                        new DataConfig(
                                new SourceConfig(
                                        "hdfs://h/train",
                                        Optional.of("parquet"),
                                        "a",
                                        Optional.of("b"),
                                        "c",
                                        Optional.of("w"),
                                        new TreeMap<>(Map.of("sep", ";"))),
                                Optional.of(new ValidationConfig.Source(new SourceConfig(
                                        "s3://x/dev",
                                        Optional.of("csv"),
                                        "d",
                                        Optional.of("e"),
                                        "f",
                                        Optional.of("v"),
                                        new TreeMap<>()))),
                                DataOrder.GIVEN,
                                false,
                                new DataConfig.Keyed(Optional.of("customer"), OptionalInt.of(20), OptionalInt.of(300))),
                        new LoraConfig(
                                2,
                                3,
                                0.5,
                                PatternMap.of(ranks),
                                PatternMap.of(Map.of("value", 1.5)),
                                new ModulePattern.Names(List.of("pooler.dense", "key")),
                                BiasMode.LORA_ONLY,
                                true,
                                new LoraConfig.Method(
                                        "ADALORA",
                                        true,
                                        "pissa",
                                        new LoraConfig.Method.Ranks(
                                                OptionalInt.of(3),
                                                OptionalInt.of(1),
                                                OptionalInt.of(2),
                                                OptionalInt.of(4),
                                                OptionalInt.of(5),
                                                OptionalDouble.of(0.5),
                                                OptionalDouble.of(0.25),
                                                OptionalDouble.of(0.125))),
                                List.of("pooler", "classifier"),
                                Optional.of("/a"),
                                Optional.of("all"),
                                new TreeMap<>(Map.of(
                                        "top",
                                        new GroupConfig(
                                                new ModulePattern.Regex(".*\\.(query|value)"),
                                                new ModulePattern.Regex(".*pooler.*"),
                                                List.of(8, 9, 11),
                                                "why: the top",
                                                4,
                                                5.5,
                                                0.0,
                                                PatternMap.of(ofTop),
                                                PatternMap.none(),
                                                0.25,
                                                10),
                                        "middle",
                                        new GroupConfig(
                                                new ModulePattern.AllLinear(),
                                                ModulePattern.NONE,
                                                List.of(5, 6, 7),
                                                "",
                                                2,
                                                3,
                                                0.5,
                                                PatternMap.of(ranks),
                                                PatternMap.of(Map.of("value", 1.5)),
                                                1.0,
                                                0),
                                        "rest",
                                        new GroupConfig(
                                                new ModulePattern.Names(
                                                        List.of("layer.0.attention.self.query", "value")),
                                                new ModulePattern.Names(List.of("pooler.dense", "key")),
                                                List.of(),
                                                "",
                                                2,
                                                3,
                                                0.5,
                                                PatternMap.of(ranks),
                                                PatternMap.of(Map.of("value", 1.5)),
                                                1.0,
                                                0),
                                        "side",
                                        new GroupConfig(
                                                new ModulePattern.Names(List.of("key")),
                                                new ModulePattern.Names(List.of("pooler.dense", "key")),
                                                List.of(1),
                                                "",
                                                2,
                                                3,
                                                0.5,
                                                PatternMap.of(ranks),
                                                PatternMap.of(Map.of("value", 1.5)),
                                                1.0,
                                                0),
                                        "late",
                                        new GroupConfig(
                                                new ModulePattern.Names(List.of("key")),
                                                new ModulePattern.Names(List.of("pooler.dense", "key")),
                                                List.of(2),
                                                "",
                                                1,
                                                3,
                                                0.5,
                                                PatternMap.of(ranks),
                                                PatternMap.of(Map.of("value", 1.5)),
                                                1.0,
                                                0)))),
                        new ScheduleConfig(
                                new Lisa(
                                        List.of("side"),
                                        List.of("top", "rest"),
                                        new Lisa.Draw(1, 5, new TreeMap<>(Map.of("rest", 2.5))),
                                        OptimizerStateOnThaw.DECAY,
                                        7),
                                List.of(new EpochSchedule.Event(
                                        1,
                                        OptionalInt.of(5),
                                        List.of("late"),
                                        List.of("late"),
                                        List.of("side"),
                                        OptimizerStateOnThaw.DECAY))),
                        new TrainingConfig(
                                OptionalInt.of(4),
                                OptionalInt.empty(),
                                16,
                                Optional.empty(),
                                4,
                                2,
                                1e-3,
                                LearningRateSchedule.Type.COSINE,
                                6,
                                OptionalDouble.empty(),
                                0.0,
                                Optional.of(List.of("bias", "LayerNorm")),
                                0.8,
                                0.99,
                                1e-6,
                                OptionalDouble.empty(),
                                OptionalDouble.of(16),
                                new TrainingConfig.Loss(
                                        0.1, Optional.empty(), OptionalDouble.empty(), OptionalDouble.empty()),
                                Optional.of("f1"),
                                true,
                                OptionalInt.of(2)),
                        new ExecutionConfig(
                                Exchange.PEER,
                                Optional.of(Kernel.MKL),
                                Optional.of(Precision.FLOAT32),
                                ComputeDevice.GPU,
                                ActivationCache.OFF,
                                StoredType.FLOAT16,
                                DropoutSetting.MODEL,
                                DropoutSetting.of(0.1),
                                OptionalInt.of(50),
                                1,
                                Duration.ofSeconds(90),
                                OptionalInt.of(3)),
                        new TrackingConfig(
                                Optional.of(new TrackingConfig.Mlflow("http://h:5000/base", "texts")),
                                Optional.of("hdfs://h/boards")),
                        "hdfs://h/out"));
    }

    @Test
    void readsTheExampleOfTheContract() {
        JobConfig job = Jobs.read(directory, EXAMPLE);

        assertThat(job.name()).isEqualTo("sentiment");
        assertThat(job.model())
                .isEqualTo(new ModelConfig(
                        here("DIR"), Task.CLASSIFICATION, Optional.of(List.of("negative", "positive")), 128));
        assertThat(job.data().train().format()).contains("csv");
        assertThat(job.data().validation())
                .contains(new ValidationConfig.Source(new SourceConfig(
                        here("dev.csv"),
                        Optional.of("csv"),
                        "text",
                        Optional.empty(),
                        "label",
                        Optional.empty(),
                        new TreeMap<>())));
        assertThat(job.lora().groups().get("bottom"))
                .isEqualTo(new GroupConfig(
                        new ModulePattern.Names(List.of("query", "value")),
                        ModulePattern.NONE,
                        List.of(0),
                        "",
                        4,
                        16,
                        0.05,
                        PatternMap.none(),
                        PatternMap.none(),
                        0.25,
                        10));
        assertThat(job.schedule().events())
                .containsExactly(
                        new EpochSchedule.Event(
                                2,
                                OptionalInt.empty(),
                                List.of(),
                                List.of("bottom"),
                                List.of(),
                                OptimizerStateOnThaw.KEEP),
                        new EpochSchedule.Event(
                                4,
                                OptionalInt.empty(),
                                List.of(),
                                List.of(),
                                List.of("bottom"),
                                OptimizerStateOnThaw.KEEP));
        assertThat(job.training()).isEqualTo(DEFAULT_TRAINING);
        assertThat(job.execution()).isEqualTo(DEFAULT_EXECUTION);
        assertThat(job.output()).isEqualTo(here("out/sentiment"));
    }

    @Test
    void nullMeansDefault() {
        String nulls = Jobs.SMALLEST + """
                name: null
                seed: ~
                training:
                execution: {base_dropout: null, exchange: null}
                tracking: null
                """;
        assertThat(Jobs.read(directory, nulls)).isEqualTo(Jobs.read(directory, Jobs.SMALLEST));
    }

    @Test
    void trackingNeedsAnAddressOnly() {
        TrackingConfig tracking = Jobs.read(
                        directory,
                        Jobs.SMALLEST,
                        "tracking.mlflow=http://localhost:5000",
                        "tracking.tensorboard=boards")
                .tracking();
        assertThat(tracking.mlflow()).contains(new TrackingConfig.Mlflow("http://localhost:5000", "Default"));
        assertThat(tracking.tensorboard()).contains(here("boards"));
    }

    @Test
    void nullMaxGradNormMeansNoClipping() {
        assertThat(Jobs.read(directory, Jobs.SMALLEST + "training: {max_grad_norm: null}")
                        .training()
                        .maxGradNorm())
                .isEmpty();
    }

    @Test
    void numbersNeedNoDot() {
        JobConfig job = Jobs.read(
                directory, Jobs.SMALLEST + "training: {learning_rate: 5e-4, adam_epsilon: 1E-8, weight_decay: .5}");
        assertThat(job.training().learningRate()).isEqualTo(5e-4);
        assertThat(job.training().adamEpsilon()).isEqualTo(1e-8);
        assertThat(job.training().weightDecay()).isEqualTo(0.5);
    }

    @Test
    void validationCanBeAFraction() {
        assertThat(Jobs.read(directory, Jobs.SMALLEST, "data.validation.fraction=0.2")
                        .data()
                        .validation())
                .contains(new ValidationConfig.Fraction(0.2));
    }

    @Test
    void lengthGroupsDoNotApplyToGivenOrder() {
        assertThat(Jobs.read(directory, Jobs.SMALLEST, "data.order=given")
                        .data()
                        .groupByLength())
                .isFalse();
    }

    @Test
    void defaultShardsGiveWayToASmallBatch() {
        assertThat(Jobs.read(directory, Jobs.SMALLEST, "training.batch_size=6")
                        .training()
                        .shards())
                .isEqualTo(4);
    }

    @Test
    void oneLayerNeedsNoList() {
        assertThat(layers("11")).containsExactly(11);
    }

    @Test
    void layersMayBeRanges() {
        assertThat(layers("[8-11, 0]")).containsExactly(8, 9, 10, 11, 0);
        assertThat(layers("8-11")).containsExactly(8, 9, 10, 11);
        assertThat(layers("['8 - 9', 3-3]")).containsExactly(8, 9, 3);
    }

    @Test
    void allLinearIsAShorthandInAnyCase() {
        for (String spelling : List.of("all-linear", "All-Linear")) {
            assertThat(top("target_modules=" + spelling).targetModules()).isEqualTo(new ModulePattern.AllLinear());
        }
        assertThat(top("target_modules=[all-linear]").targetModules())
                .as("in a list it is a name, as in PEFT")
                .isEqualTo(new ModulePattern.Names(List.of("all-linear")));
    }

    @Test
    void aGroupInheritsPatternsAndExclusionUnlessItHasItsOwn() {
        String[] ofAll = {
            "lora.rank_pattern={query: 4}", "lora.alpha_pattern={query: 2.5}", "lora.exclude_modules=.*pooler.*"
        };
        GroupConfig heir = top(ofAll);
        assertThat(heir.rankPattern()).isEqualTo(PatternMap.of(Map.of("query", 4)));
        assertThat(heir.alphaPattern()).isEqualTo(PatternMap.of(Map.of("query", 2.5)));
        assertThat(heir.excludeModules()).isEqualTo(new ModulePattern.Regex(".*pooler.*"));

        GroupConfig other =
                top(ofAll[0], ofAll[1], ofAll[2], "rank_pattern={value: 1}", "alpha_pattern={}", "exclude_modules=[]");
        assertThat(other.rankPattern())
                .as("takes the place, is not added")
                .isEqualTo(PatternMap.of(Map.of("value", 1)));
        assertThat(other.alphaPattern()).isEqualTo(PatternMap.none());
        assertThat(other.excludeModules()).isEqualTo(ModulePattern.NONE);
    }

    /** The group top of the smallest job; overrides without a dot are the group's. */
    private GroupConfig top(String... overrides) {
        String[] sets = Arrays.stream(overrides)
                .map(o -> o.startsWith("lora.") ? o : "lora.groups.top." + o)
                .toArray(String[]::new);
        return requireNonNull(
                Jobs.read(directory, Jobs.SMALLEST, sets).lora().groups().get("top"));
    }

    private List<Integer> layers(String yaml) {
        return top("layers_to_transform=" + yaml).layersToTransform();
    }

    @Test
    void outputOfTheCommandLineWins() {
        JobConfig job = JobFile.read(Jobs.write(directory, Jobs.SMALLEST), List.of(), Optional.of("mine"), directory);
        assertThat(job.output()).isEqualTo(here("mine"));
    }

    @Test
    void readsAByteOrderMark() {
        assertThat(Jobs.read(directory, "\uFEFF" + Jobs.SMALLEST).seed()).isEqualTo(42);
    }

    private String here(String path) {
        return directory.resolve(path).toString();
    }

    private static SourceConfig source(String path) {
        return new SourceConfig(
                path, Optional.empty(), "text", Optional.empty(), "label", Optional.empty(), new TreeMap<>());
    }

    private static LoraConfig.Method.Ranks noRanks() {
        OptionalInt none = OptionalInt.empty();
        OptionalDouble nothing = OptionalDouble.empty();
        return new LoraConfig.Method.Ranks(none, none, none, none, none, nothing, nothing, nothing);
    }

    private static LoraConfig lora(SortedMap<String, GroupConfig> groups) {
        return new LoraConfig(
                8,
                16,
                0.05,
                PatternMap.none(),
                PatternMap.none(),
                ModulePattern.NONE,
                BiasMode.NONE,
                false,
                new LoraConfig.Method("LORA", false, "true", noRanks()),
                List.of("classifier"),
                Optional.empty(),
                Optional.empty(),
                groups);
    }

    private static GroupConfig group(ModulePattern targets, String purpose) {
        return new GroupConfig(
                targets,
                ModulePattern.NONE,
                List.of(),
                purpose,
                8,
                16,
                0.05,
                PatternMap.none(),
                PatternMap.none(),
                1.0,
                0);
    }

    @Test
    void aColumnOfKeysHasItsDefaults() {
        JobConfig job = Jobs.read(directory, Jobs.SMALLEST.replace("data:\n", "data:\n  adapter: customer\n"));

        assertThat(job.data().keyed())
                .isEqualTo(new DataConfig.Keyed(Optional.of("customer"), OptionalInt.of(1), OptionalInt.of(10_000)));
        assertThat(job.training().shards()).isEqualTo(1);
        assertThat(JobFile.resolved("there", ResolvedYaml.write(job))).isEqualTo(job);
    }

    @Test
    void keysOfKeyedJobsNeedTheColumn() {
        String yaml = Jobs.SMALLEST
                .replace("data:\n", "data:\n  min_rows: 3\n  max_keys: 4\n")
                .replace("lora:\n", "lora:\n  init: all\n");

        assertThatThrownBy(() -> Jobs.read(directory, yaml))
                .hasMessageContaining("data.min_rows needs data.adapter")
                .hasMessageContaining("data.max_keys needs data.adapter")
                .hasMessageContaining("lora.init needs data.adapter");
    }

    @Test
    void adaptersThatAreSavedInAnotherFormAreNoStart() {
        String yaml = Jobs.SMALLEST
                .replace("data:\n", "data:\n  adapter: customer\n")
                .replace("lora:\n", "lora:\n  init: all\n  init_lora_weights: pissa\n");

        assertThatThrownBy(() -> Jobs.read(directory, yaml)).hasMessageContaining("lora.init needs peft_type: LORA");
    }
}
