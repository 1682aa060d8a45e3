package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.sparklora.driver.job.text.Facts.problem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JobFileProblemsTest {

    @TempDir
    Path directory;

    @Test
    void reportsEverythingAtOnceUnderTheFilesName() {
        String yaml = """
                sead: 1
                model: {task: clasification}
                data:
                  train: {path: /d, label: [a]}
                lora:
                  lora_alhpa: 16
                  r: 2.5
                  groups:
                    top: {target_modules: [query], lora_dropout: 1}
                schedule: {live: [tpo], events: [{epoch: -1, thaw: [top]}]}
                training: {batch_size: many, shards: 6}
                """;
        assertThatThrownBy(() -> Jobs.read(directory, yaml))
                .isInstanceOf(ConfigException.class)
                .hasMessageStartingWith("job.yaml: 12 problems [config.invalid]\nmodel.path ")
                .satisfies(e -> assertThat(((ConfigException) e).problems())
                        .satisfiesExactlyInAnyOrder(
                                problem("config.key.missing", "model.path"),
                                problem("config.value.invalid", "model.task='clasification'", "multi_label"),
                                problem("config.value.invalid", "data.train.label=['a']"),
                                problem("config.value.invalid", "lora.r='2.5'", "1"),
                                problem("config.value.invalid", "lora.groups.top.lora_dropout='1'"),
                                problem("config.key.unknown", "lora.lora_alhpa", "lora.lora_alpha"),
                                problem("config.group.unknown", "schedule.live[0]='tpo'", "top"),
                                problem("config.value.invalid", "schedule.events[0].epoch='-1'", "0"),
                                problem("config.value.invalid", "training.batch_size='many'", "1"),
                                problem("config.value.invalid", "training.shards='6'", "training.batch_size=32"),
                                problem("config.key.missing", "output", "--output"),
                                problem("config.key.unknown", "sead", "seed")))
                .satisfies(
                        e -> assertThat(String.valueOf(e.getMessage()).lines()).hasSize(13));
    }

    @Test
    void oneProblemIsOneLine() {
        assertThatThrownBy(() -> Jobs.read(directory, Jobs.SMALLEST + "sead: 1"))
                .satisfies(e -> assertThat(String.valueOf(e.getMessage()))
                        .startsWith("job.yaml: ")
                        .doesNotContain("\n")
                        .satisfies(problem("config.key.unknown", "sead", "seed")));
    }

    @Test
    void listsWhatIsRequired() {
        assertThat(Jobs.problems(directory, "name: x"))
                .satisfiesExactly(
                        problem("config.key.missing", "model.path"),
                        problem("config.key.missing", "data.train.path"),
                        problem("config.key.missing", "lora.groups"),
                        problem("config.key.missing", "schedule.live"),
                        problem("config.key.missing", "output"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "seed=1.5 | config.value.invalid | seed='1.5'",
                "seed=99999999999999999999 | config.value.invalid | seed='99999999999999999999'; 64",
                "model=5 | config.value.invalid | model='5'",
                "model.max_length=2 | config.value.invalid | model.max_length='2'; 5",
                "model.labels=[a] | config.value.invalid | model.labels",
                "model.labels=[a, a, b] | config.list.duplicate | model.labels[1]='a'",
                "model.labels=[a, ~] | config.value.invalid | model.labels[1]='~'",
                "model.labels=a | config.value.invalid | model.labels='a'",
                "data.order=sorted | config.value.invalid | data.order='sorted'; shuffled, given",
                "data.train.text='' | config.value.invalid | data.train.text=''",
                "data.train.options.header={a: 1} | config.value.invalid | data.train.options.header={a='1'",
                "data.validation={} | config.key.missing | data.validation.path",
                "data.validation.fraction=1 | config.value.invalid | data.validation.fraction='1'; 0; 1",
                "lora.r=0 | config.value.invalid | lora.r='0'; 1",
                "lora.r='8' | config.value.invalid | lora.r='8'; 1; without quotes",
                "lora.r=3000000000 | config.value.invalid | lora.r='3000000000'; 1",
                "lora.lora_alpha=0 | config.value.invalid | lora.lora_alpha='0'; 0",
                "lora.lora_alpha=.inf | config.value.invalid | lora.lora_alpha='.inf'; 0",
                "lora.lora_alpha=1e999 | config.value.invalid | lora.lora_alpha='1e999'; 0",
                "lora.bias=lora | config.value.invalid | lora.bias='lora'; none, all, lora_only",
                "lora.use_rslora=yes | config.value.invalid | lora.use_rslora='yes'",
                "lora.use_rslora='true' | config.value.invalid | lora.use_rslora='true'; without quotes",
                "lora.groups={} | config.key.missing | lora.groups",
                "lora.groups.x y.target_modules=[a] | config.group.name | lora.groups.x",
                "lora.groups.head.target_modules=[a] | config.group.name | lora.groups.head",
                "lora.groups.a=~ | config.key.missing | lora.groups.a.target_modules",
                "lora.groups.top.target_modules=[] | config.value.invalid | lora.groups.top.target_modules",
                "lora.groups.top.target_modules=( | config.pattern.invalid | lora.groups.top.target_modules='('; 1",
                "lora.groups.top.target_modules={a: b} | config.value.invalid | lora.groups.top.target_modules={a='b'",
                "lora.groups.top.layers_to_transform=[] | config.value.invalid | lora.groups.top.layers_to_transform",
                "lora.groups.top.layers_to_transform=[-1] | config.value.invalid |"
                        + " lora.groups.top.layers_to_transform[0]='-1'; 0; 8-11",
                "lora.groups.top.layers_to_transform=[0, 11-8] | config.value.invalid |"
                        + " lora.groups.top.layers_to_transform[1]='11-8'; 8-11",
                "lora.groups.top.layers_to_transform=11-8 | config.value.invalid |"
                        + " lora.groups.top.layers_to_transform='11-8'; 8-11",
                "lora.groups.top.layers_to_transform=top | config.value.invalid |"
                        + " lora.groups.top.layers_to_transform='top'; 0; 8-11",
                "lora.groups.top.layers_to_transform={a: 1} | config.value.invalid |"
                        + " lora.groups.top.layers_to_transform={a='1'; 0; 8-11",
                "lora.groups.top.layers_to_transform=[1.5] | config.value.invalid |"
                        + " lora.groups.top.layers_to_transform[0]='1.5'; 0; 8-11",
                "lora.groups.top.layers_to_transform=[3, 3] | config.list.duplicate |"
                        + " lora.groups.top.layers_to_transform[1]='3'; 3",
                "lora.groups.top.layers_to_transform=[3, 1-5] | config.list.duplicate |"
                        + " lora.groups.top.layers_to_transform[1]='1-5'; 3",
                "lora.groups.top.layers_to_transform=0-99999999 | config.value.invalid |"
                        + " lora.groups.top.layers_to_transform='0-99999999'; 1000",
                "lora.groups.top.exclude_modules={a: b} | config.value.invalid |"
                        + " lora.groups.top.exclude_modules={a='b'",
                "lora.groups.top.exclude_modules=[a, a] | config.list.duplicate |"
                        + " lora.groups.top.exclude_modules[1]='a'",
                "lora.exclude_modules=( | config.pattern.invalid | lora.exclude_modules='('; 1",
                "lora.exclude_modules=(?P<n>a) | config.pattern.invalid | lora.exclude_modules='(?P<n>a)'; 2;"
                        + " (?<name>…)",
                "lora.exclude_modules='' | config.value.invalid | lora.exclude_modules=''",
                "lora.rank_pattern=4 | config.value.invalid | lora.rank_pattern='4'",
                "lora.rank_pattern.query=0 | config.value.invalid | lora.rank_pattern.query='0'; 1",
                "lora.rank_pattern={(: 4} | config.pattern.invalid | lora.rank_pattern; (; 1",
                "lora.groups.top.rank_pattern.query=2.5 | config.value.invalid |"
                        + " lora.groups.top.rank_pattern.query='2.5'; 1",
                "lora.alpha_pattern.query=0 | config.value.invalid | lora.alpha_pattern.query='0'; 0",
                "lora.groups.top.alpha_pattern={query: a} | config.value.invalid |"
                        + " lora.groups.top.alpha_pattern.query='a'; 0",
                "lora.groups.top.learning_rate_scale=0 | config.value.invalid |"
                        + " lora.groups.top.learning_rate_scale='0'; 0",
                "lora.groups.top.rank=4 | config.key.unknown | lora.groups.top.rank; lora.groups.top.rank_pattern",
                "schedule.events=[5] | config.value.invalid | schedule.events[0]='5'",
                "schedule.events={} | config.value.invalid | schedule.events={}",
                "training.epochs=3 | config.key.unknown | training.epochs; training.num_train_epochs",
                "training.num-train-epochs=3 | config.key.unknown | training.num-train-epochs;"
                        + " training.num_train_epochs",
                "training.num_train_epochs=0 | config.value.invalid | training.num_train_epochs='0'; 1",
                "training.shards=64 | config.value.invalid | training.shards='64'; training.batch_size=32",
                "training.learning_rate=fast | config.value.invalid | training.learning_rate='fast'; 0",
                "training.weight_decay=-1 | config.value.invalid | training.weight_decay='-1'; 0",
                "training.adam_beta1=1 | config.value.invalid | training.adam_beta1='1'; 0; 1",
                "training.adam_epsilon=0 | config.value.invalid | training.adam_epsilon='0'; 0",
                "training.max_grad_norm=0 | config.value.invalid | training.max_grad_norm='0'; 0",
                "training.loraplus_lr_ratio=0 | config.value.invalid | training.loraplus_lr_ratio='0'; 0",
                "training.loraplus_lr_ratio=off | config.value.invalid | training.loraplus_lr_ratio='off'; 0",
                "training.lora_plus_lr_ratio=16 | config.key.unknown | training.lora_plus_lr_ratio;"
                        + " training.loraplus_lr_ratio",
                "training.label_smoothing_factor=1 | config.value.invalid | training.label_smoothing_factor='1'; 0; 1",
                "training.metric_for_best_model=mse | config.value.invalid | training.metric_for_best_model='mse';"
                        + " accuracy, auc, f1, loss",
                "training.load_best_model_at_end=true | config.value.conflict | training.load_best_model_at_end",
                "training.early_stopping_patience=1 | config.value.conflict | training.early_stopping_patience",
                "execution.base_dropout=own | config.value.invalid | execution.base_dropout='own'; 0; 1",
                "execution.head_dropout=1 | config.value.invalid | execution.head_dropout='1'; 0; 1",
                "execution.executor_timeout=soon | config.value.invalid | execution.executor_timeout='soon'; 10m",
                "execution.max_failures=-1 | config.value.invalid | execution.max_failures='-1'; 0",
                "tracking.wandb={} | config.key.unknown | tracking.wandb; mlflow, experiment, tensorboard",
                "tracking.experiment=texts | config.value.conflict | tracking.experiment",
                "tracking.mlflow=databricks | config.value.invalid | tracking.mlflow='databricks'; 5000",
                "tracking.mlflow=http://me:secret@h | config.value.invalid | tracking.mlflow='http://me:secret@h';"
                        + " 5000",
                "nonsense | config.set.syntax | --set nonsense; 64",
                "a..b=1 | config.set.syntax | --set a..b=1; 64",
            })
    void saysWhatIsWrongWithOneValue(String set, String code, String facts) {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, set)).satisfiesExactly(problem(code, facts.split("; ", -1)));
    }

    @Test
    void warmUpIsGivenOnce() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, "training.warmup_steps=3", "training.warmup_ratio=0.1"))
                .satisfiesExactly(problem("config.value.conflict", "training.warmup_ratio", "training.warmup_steps"));
    }

    @Test
    void aRunHasALengthInEpochsOrInSteps() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, "training.max_steps=9", "training.num_train_epochs=3"))
                .satisfiesExactly(problem("config.value.conflict", "training.max_steps", "num_train_epochs"));
        JobConfig job = Jobs.read(directory, Jobs.SMALLEST, "training.max_steps=9");
        assertThat(job.training().maxSteps()).hasValue(9);
        assertThat(job.training().numTrainEpochs()).isEmpty();
        assertThat(Jobs.read(directory, ResolvedYaml.write(job)))
                .as("what config.yaml says")
                .isEqualTo(job);
    }

    @Test
    void settingsOfTheLossNeedATaskThatHasThem() {
        String[] all = {
            "training.label_smoothing_factor=0.1", "training.focal_gamma=2",
            "training.class_weights=balanced", "training.threshold=0.3"
        };
        assertThat(problems("regression", all))
                .satisfiesExactly(
                        problem("config.value.conflict", "training.label_smoothing_factor", "regression"),
                        problem("config.value.conflict", "training.focal_gamma", "regression"),
                        problem("config.value.conflict", "training.class_weights", "regression"),
                        problem("config.value.conflict", "training.threshold", "regression"),
                        problem("config.value.conflict", "training.focal_gamma", "training.label_smoothing_factor"));
        assertThat(problems("multi_label", all[0], all[2], all[3]))
                .satisfiesExactly(problem("config.value.conflict", "training.class_weights", "multi_label"));
        assertThat(problems("token_classification", all[0], all[2], all[3]))
                .satisfiesExactly(problem("config.value.conflict", "training.threshold", "token_classification"));
        assertThat(Jobs.read(directory, Jobs.SMALLEST, "model.task=multi_label", all[1], all[3])
                        .training()
                        .loss()
                        .threshold())
                .hasValue(0.3);
        assertThat(problems("classification", "model.labels=[a, b]", "training.class_weights={a: 2, c: 0.5, b: 0}"))
                .satisfiesExactly(problem("config.value.invalid", "training.class_weights", "'c'"));
        assertThat(problems("classification", "training.class_weights=[1, 2]"))
                .satisfiesExactly(problem("config.value.invalid", "training.class_weights", "balanced"));
        assertThat(problems("classification", "training.class_weights={a: -1}"))
                .satisfiesExactly(problem("config.value.invalid", "training.class_weights.a", "-1"));
    }

    private List<String> problems(String task, String... settings) {
        String[] all = Arrays.copyOf(settings, settings.length + 1);
        all[settings.length] = "model.task=" + task;
        return Jobs.problems(directory, Jobs.SMALLEST, all);
    }

    @Test
    void onlyBiasesAndNormalizationsCanBeLeftOutOfWeightDecay() {
        assertThat(problems("classification", "training.weight_decay_exclude=[bias, layernorm]"))
                .satisfiesExactly(problem("config.value.invalid", "training.weight_decay_exclude", "LayerNorm"));
        assertThat(Jobs.read(directory, Jobs.SMALLEST, "training.weight_decay_exclude=[]")
                        .training()
                        .weightDecayExclude())
                .contains(List.of());
        assertThat(Jobs.read(directory, Jobs.SMALLEST, "training.weight_decay_exclude=null")
                        .training()
                        .weightDecayExclude())
                .isEmpty();
    }

    @Test
    void regressionHasNoLabelsAndNoSmoothing() {
        assertThat(Jobs.problems(
                        directory,
                        Jobs.SMALLEST,
                        "model.task=regression",
                        "model.labels=[a, b]",
                        "training.label_smoothing_factor=0.1",
                        "training.metric_for_best_model=f1"))
                .satisfiesExactly(
                        problem("config.value.conflict", "model.labels"),
                        problem(
                                "config.value.invalid",
                                "training.metric_for_best_model='f1'",
                                "loss, mse, pearson, spearman"),
                        problem("config.value.conflict", "training.label_smoothing_factor"));
    }

    @Test
    void fractionGoesWithNoOtherKey() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, "data.validation={fraction: 0.1, path: /d}"))
                .satisfiesExactly(problem("config.value.conflict", "data.validation.fraction"));
    }

    @Test
    void givenOrderRefusesLengthGroupsThatAreAskedFor() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, "data.order=given", "data.group_by_length=true"))
                .satisfiesExactly(problem("config.value.conflict", "data.group_by_length"));
    }

    @Test
    void refusesKeysGivenTwice() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST + "seed: 1\noutput: /p\nseed: 2\n"))
                .satisfiesExactly(
                        problem("config.key.duplicate", "output", "8", "10"),
                        problem("config.key.duplicate", "seed", "9", "11"));
    }

    @Test
    void pointsAtBadYaml() {
        assertThat(Jobs.problems(directory, "model:\n\tpath: x\n"))
                .satisfiesExactly(problem("config.yaml.syntax", "line 2, column 1", "TAB"));
        assertThat(Jobs.problems(directory, "lora: {r: 8\nseed: 1\n"))
                .satisfiesExactly(problem("config.yaml.syntax", "line 2, column 5", ",", "}"));
        assertThat(Jobs.problems(directory, "a: &x [*x]\n"))
                .satisfiesExactly(problem("config.yaml.syntax", "a[0][0][0]"));
    }

    @Test
    void setNamesItselfWhenItsYamlIsBad() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, "lora.r=[1", "seed.x=1", "output.y=1"))
                .satisfiesExactly(
                        problem("config.yaml.syntax", "--set lora.r=[1", "1", "3", ",", "]"),
                        problem("config.set.syntax", "--set output.y=1", "/o"),
                        problem("config.value.invalid", "seed={x='1'"));
    }

    @Test
    void setMakesMapsAndLaterOnesWin() {
        JobConfig job = Jobs.read(
                directory,
                Jobs.SMALLEST,
                "training.batch_size=64",
                "training.batch_size=16",
                "lora.groups.low={target_modules: [value], r: 2}",
                "schedule.live=[low, top]",
                "data.train.label=");
        assertThat(job.training().batchSize()).isEqualTo(16);
        assertThat(job.lora().groups()).containsOnlyKeys("low", "top");
        assertThat(job.schedule().live()).containsExactly("low", "top");
        assertThat(job.data().train().label()).isEqualTo("label");
    }

    @Test
    void saysWhyAFileCannotBeRead() throws IOException {
        assertThatThrownBy(() -> JobFile.read(Path.of("conf/none.yaml"), List.of(), Optional.empty(), directory))
                .satisfies(e -> assertThat(String.valueOf(e.getMessage()))
                        .satisfies(problem("config.file.unreadable", "conf/none.yaml: ", "--config")));
        assertThatThrownBy(() -> JobFile.read(Path.of("."), List.of(), Optional.empty(), directory))
                .satisfies(e ->
                        assertThat(String.valueOf(e.getMessage())).satisfies(problem("config.file.unreadable", ".: ")));
        assertThat(Jobs.problems(directory, "# nothing\n"))
                .satisfiesExactly(problem("config.file.content", "model", "data", "lora", "schedule", "output"));
        assertThat(Jobs.problems(directory, "- a\n")).satisfiesExactly(problem("config.file.content", "model", "data"));
        Files.write(directory.resolve("job.yaml"), new byte[] {'a', ':', ' ', (byte) 0xff});
        assertThatThrownBy(() -> JobFile.read(Path.of("job.yaml"), List.of(), Optional.empty(), directory))
                .satisfies(e -> assertThat(String.valueOf(e.getMessage()))
                        .satisfies(problem("config.file.unreadable", "job.yaml: ", "UTF-8")));
    }
}
