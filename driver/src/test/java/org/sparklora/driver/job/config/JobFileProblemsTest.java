package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
                .hasMessage("""
                        job.yaml: 12 problems
                        model.path is missing; it names the Hugging Face directory of the base model
                        model.task='clasification' must be one of classification, multi_label, regression, token_classification
                        data.train.label=['a'] must be a text
                        lora.r='2.5' must be a whole number from 1 to 2147483647
                        lora.groups.top.lora_dropout='1' must be a number of at least 0 and below 1
                        lora.lora_alhpa is not a key; did you mean lora.lora_alpha?
                        schedule.live[0]='tpo' is not a group of lora.groups; did you mean top?
                        schedule.events[0].epoch='-1' must be a whole number from 0 to 2147483647
                        training.batch_size='many' must be a whole number from 1 to 2147483647
                        training.shards='6' must be a power of two, at most training.batch_size=32
                        output is missing; it names the run directory, here or with --output
                        sead is not a key; did you mean seed?""");
    }

    @Test
    void oneProblemIsOneLine() {
        assertThatThrownBy(() -> Jobs.read(directory, Jobs.SMALLEST + "sead: 1"))
                .hasMessage("job.yaml: sead is not a key; did you mean seed?");
    }

    @Test
    void listsWhatIsRequired() {
        assertThat(Jobs.problems(directory, "name: x"))
                .containsExactly(
                        "model.path is missing; it names the Hugging Face directory of the base model",
                        "data.train.path is missing; it names the file, directory or glob to read",
                        "lora.groups is missing; it holds at least one group: a name, and target_modules under it",
                        "schedule.live is missing; it lists the groups that are live at the start,"
                                + " [] to train the head only",
                        "output is missing; it names the run directory, here or with --output");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "seed=1.5 | seed='1.5' must be a whole number",
                "seed=99999999999999999999 | seed='99999999999999999999' must be a whole number of 64 bits",
                "model=5 | model='5' must be a map of keys",
                "model.max_length=2 | model.max_length='2' must be a whole number from 5 to 2147483647",
                "model.labels=[a] | model.labels must name at least two labels",
                "model.labels=[a, a, b] | model.labels[1]='a' is listed twice; keep one",
                "model.labels=[a, ~] | model.labels[1]='~' must be a text",
                "model.labels=a | model.labels='a' must be a list of texts",
                "data.order=sorted | data.order='sorted' must be one of shuffled, given",
                "data.train.text='' | data.train.text='' must be a text that is not blank",
                "data.train.options.header={a: 1} | data.train.options.header={a='1'} must be a text",
                "data.validation={} | data.validation.path is missing; it names the file, directory or glob to read",
                "data.validation.fraction=1 | data.validation.fraction='1' must be a number above 0 and below 1",
                "lora.r=0 | lora.r='0' must be a whole number from 1 to 2147483647",
                "lora.r='8' | lora.r='8' must be a whole number from 1 to 2147483647, without quotes",
                "lora.r=3000000000 | lora.r='3000000000' must be a whole number from 1 to 2147483647",
                "lora.lora_alpha=0 | lora.lora_alpha='0' must be a number above 0",
                "lora.lora_alpha=.inf | lora.lora_alpha='.inf' must be a number above 0",
                "lora.lora_alpha=1e999 | lora.lora_alpha='1e999' must be a number above 0",
                "lora.bias=lora | lora.bias='lora' must be one of none, all, lora_only",
                "lora.use_rslora=yes | lora.use_rslora='yes' must be true or false",
                "lora.use_rslora='true' | lora.use_rslora='true' must be true or false, without quotes",
                "lora.groups={} | lora.groups is missing; it holds at least one group: a name, and target_modules under it",
                "lora.groups.x y.target_modules=[a] | lora.groups.x y is no name for a group; use letters, digits and _ . -",
                "lora.groups.head.target_modules=[a] | lora.groups.head is the name of an implicit group; choose another",
                "lora.groups.a=~ | lora.groups.a.target_modules is missing; it is a list of module names, a regular expression, or all-linear",
                "lora.groups.top.target_modules=[] | lora.groups.top.target_modules must name at least one module",
                "lora.groups.top.target_modules=( | lora.groups.top.target_modules='(' must be a list of module names, or a regular expression: Unclosed group at position 1",
                "lora.groups.top.target_modules={a: b} | lora.groups.top.target_modules={a='b'} must be a list of module names, or a regular expression",
                "lora.groups.top.layers_to_transform=[] | lora.groups.top.layers_to_transform is empty; name layers, or leave it out for all of them",
                "lora.groups.top.layers_to_transform=[-1] | lora.groups.top.layers_to_transform[0]='-1' must be a layer, counted from 0, or a range of layers such as 8-11",
                "lora.groups.top.layers_to_transform=[0, 11-8] | lora.groups.top.layers_to_transform[1]='11-8' must be a range from the lower layer to the higher: 8-11",
                "lora.groups.top.layers_to_transform=11-8 | lora.groups.top.layers_to_transform='11-8' must be a range from the lower layer to the higher: 8-11",
                "lora.groups.top.layers_to_transform=top | lora.groups.top.layers_to_transform='top' must be a layer, counted from 0, or a range of layers such as 8-11",
                "lora.groups.top.layers_to_transform={a: 1} | lora.groups.top.layers_to_transform={a='1'} must be a layer, counted from 0, or a range of layers such as 8-11",
                "lora.groups.top.layers_to_transform=[1.5] | lora.groups.top.layers_to_transform[0]='1.5' must be a layer, counted from 0, or a range of layers such as 8-11",
                "lora.groups.top.layers_to_transform=[3, 3] | lora.groups.top.layers_to_transform[1]='3' names layer 3 again; keep one",
                "lora.groups.top.layers_to_transform=[3, 1-5] | lora.groups.top.layers_to_transform[1]='1-5' names layer 3 again; keep one",
                "lora.groups.top.layers_to_transform=0-99999999 | lora.groups.top.layers_to_transform='0-99999999' must be below layer 1000",
                "lora.groups.top.exclude_modules={a: b} | lora.groups.top.exclude_modules={a='b'} must be a list of module names, or a regular expression",
                "lora.groups.top.exclude_modules=[a, a] | lora.groups.top.exclude_modules[1]='a' is listed twice; keep one",
                "lora.exclude_modules=( | lora.exclude_modules='(' must be a list of module names, or a regular expression: Unclosed group at position 1",
                "lora.exclude_modules=(?P<n>a) | lora.exclude_modules='(?P<n>a)' must be a list of module names, or a regular expression: Unknown inline modifier at position 2; write a named group as (?<name>…)",
                "lora.exclude_modules='' | lora.exclude_modules='' must be a list of module names, or a regular expression",
                "lora.rank_pattern=4 | lora.rank_pattern='4' must be a map of keys",
                "lora.rank_pattern.query=0 | lora.rank_pattern.query='0' must be a whole number from 1 to 2147483647",
                "lora.rank_pattern={(: 4} | lora.rank_pattern has the key '(', which is no regular expression: Unclosed group at position 1",
                "lora.groups.top.rank_pattern.query=2.5 | lora.groups.top.rank_pattern.query='2.5' must be a whole number from 1 to 2147483647",
                "lora.alpha_pattern.query=0 | lora.alpha_pattern.query='0' must be a number above 0",
                "lora.groups.top.alpha_pattern={query: a} | lora.groups.top.alpha_pattern.query='a' must be a number above 0",
                "lora.groups.top.learning_rate_scale=0 | lora.groups.top.learning_rate_scale='0' must be a number above 0",
                "lora.groups.top.rank=4 | lora.groups.top.rank is not a key; did you mean lora.groups.top.rank_pattern?",
                "schedule.events=[5] | schedule.events[0]='5' must be a map of keys",
                "schedule.events={} | schedule.events={} must be a list of maps",
                "training.epochs=3 | training.epochs is not a key; did you mean training.num_train_epochs?",
                "training.num-train-epochs=3 | training.num-train-epochs is not a key; did you mean training.num_train_epochs?",
                "training.num_train_epochs=0 | training.num_train_epochs='0' must be a whole number from 1 to 2147483647",
                "training.shards=64 | training.shards='64' must be a power of two, at most training.batch_size=32",
                "training.learning_rate=fast | training.learning_rate='fast' must be a number above 0",
                "training.weight_decay=-1 | training.weight_decay='-1' must be a number of at least 0",
                "training.adam_beta1=1 | training.adam_beta1='1' must be a number of at least 0 and below 1",
                "training.adam_epsilon=0 | training.adam_epsilon='0' must be a number above 0",
                "training.max_grad_norm=0 | training.max_grad_norm='0' must be a number above 0, or null for none",
                "training.loraplus_lr_ratio=0 | training.loraplus_lr_ratio='0' must be a number above 0",
                "training.loraplus_lr_ratio=off | training.loraplus_lr_ratio='off' must be a number above 0",
                "training.lora_plus_lr_ratio=16 | training.lora_plus_lr_ratio is not a key; did you mean training.loraplus_lr_ratio?",
                "training.label_smoothing_factor=1 | training.label_smoothing_factor='1' must be a number of at least 0 and below 1",
                "training.metric_for_best_model=mse | training.metric_for_best_model='mse' must be one of accuracy, auc, f1, loss",
                "training.load_best_model_at_end=true | training.load_best_model_at_end needs data.validation to tell which epoch is best",
                "training.early_stopping_patience=1 | training.early_stopping_patience needs data.validation to tell which epoch is best",
                "execution.base_dropout=own | execution.base_dropout='own' must be a number of at least 0 and below 1, or model",
                "execution.head_dropout=1 | execution.head_dropout='1' must be a number of at least 0 and below 1",
                "execution.max_failures=-1 | execution.max_failures='-1' must be a whole number from 0 to 2147483647",
                "tracking.wandb={} | tracking.wandb is not a key; the keys here are mlflow, experiment, tensorboard",
                "tracking.experiment=texts | tracking.experiment needs tracking.mlflow, the tracking server",
                "tracking.mlflow=databricks | tracking.mlflow='databricks' must be the address of a tracking server, such as http://localhost:5000, without a user in it: credentials are read from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
                "tracking.mlflow=http://me:secret@h | tracking.mlflow='http://me:secret@h' must be the address of a tracking server, such as http://localhost:5000, without a user in it: credentials are read from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
                "nonsense | --set nonsense: write key=value, for example --set training.batch_size=64",
                "a..b=1 | --set a..b=1: write key=value, for example --set training.batch_size=64",
            })
    void saysWhatIsWrongWithOneValue(String set, String problem) {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, set)).containsExactly(problem);
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
                .containsExactly(
                        "model.labels must be left out with task: regression",
                        "training.metric_for_best_model='f1' must be one of loss, mse, pearson, spearman",
                        "training.label_smoothing_factor must be left out with task: regression");
    }

    @Test
    void fractionGoesWithNoOtherKey() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, "data.validation={fraction: 0.1, path: /d}"))
                .containsExactly("data.validation.fraction holds out training rows and goes with no other key;"
                        + " remove it or the others");
    }

    @Test
    void givenOrderRefusesLengthGroupsThatAreAskedFor() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, "data.order=given", "data.group_by_length=true"))
                .containsExactly(
                        "data.group_by_length needs order: shuffled;" + " with order: given rows keep their order");
    }

    @Test
    void refusesKeysGivenTwice() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST + "seed: 1\noutput: /p\nseed: 2\n"))
                .containsExactly(
                        "output is given twice, in lines 8 and 10; keep one",
                        "seed is given twice, in lines 9 and 11; keep one");
    }

    @Test
    void pointsAtBadYaml() {
        assertThat(Jobs.problems(directory, "model:\n\tpath: x\n"))
                .containsExactly("line 2, column 1: not valid YAML: found character '\\t(TAB)' that cannot start any"
                        + " token. (Do not use \\t(TAB) for indentation)");
        assertThat(Jobs.problems(directory, "lora: {r: 8\nseed: 1\n"))
                .containsExactly("line 2, column 5: not valid YAML: expected ',' or '}', but got :");
        assertThat(Jobs.problems(directory, "a: &x [*x]\n"))
                .containsExactly("not valid YAML: a[0][0][0][0][0][0][0][0][0][0][0][0][0]… holds itself");
    }

    @Test
    void setNamesItselfWhenItsYamlIsBad() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, "lora.r=[1", "seed.x=1", "output.y=1"))
                .containsExactly(
                        "--set lora.r=[1: line 1, column 3: not valid YAML: expected ',' or ']', but got <stream end>",
                        "--set output.y=1: output='/o' has no keys to set",
                        "seed={x='1'} must be a whole number");
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
                .hasMessage("conf/none.yaml: there is no such file; check the path after --config");
        assertThatThrownBy(() -> JobFile.read(Path.of("."), List.of(), Optional.empty(), directory))
                .hasMessage(".: this is a directory; name the job file in it");
        assertThat(Jobs.problems(directory, "# nothing\n"))
                .containsExactly("the file is empty; a job needs at least model, data, lora, schedule and output");
        assertThat(Jobs.problems(directory, "- a\n"))
                .containsExactly("the file must hold a map of keys, such as model: and data:");
        Files.write(directory.resolve("job.yaml"), new byte[] {'a', ':', ' ', (byte) 0xff});
        assertThatThrownBy(() -> JobFile.read(Path.of("job.yaml"), List.of(), Optional.empty(), directory))
                .hasMessage("job.yaml: the file is not UTF-8; save it as UTF-8");
    }
}
