package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.training.ExitCode;

/** A command line or job file that cannot be carried out: exit code 2, before Spark starts. */
class BadInputConfigTest {

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void openJob() {
        job = new SmallJob(folder);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "lora.lora_alhpa=16 | DIR/job.yaml: lora.lora_alhpa is not a key; did you mean lora.lora_alpha?",
                "model.max_length=4 | DIR/job.yaml: model.max_length='4' must be a whole number from 5 to 2147483647",
                "training.shards=3 | DIR/job.yaml: training.shards='3' must be a power of two, at most training.batch_size=2",
                "training.learning_rate=-1 | DIR/job.yaml: training.learning_rate='-1' must be a number above 0",
                "training.batch_size | DIR/job.yaml: --set training.batch_size: write key=value, for example --set training.batch_size=64",
                "lora={r: 4 | DIR/job.yaml: --set lora={r: 4: line 1, column 6: not valid YAML: expected ',' or '}', but got <stream end>",
                "schedule.events=[{epoch: 1, thaw: [top]}] | DIR/job.yaml: schedule.events[0].thaw names group 'top', which is live at epoch 1 already; remove it",
                "execution.device=gpu | DIR/job.yaml: execution.device='gpu' is not available in this version; use cpu",
            })
    void jobFile(String override, String message) {
        job.refused(job.trainWithoutSpark(override), ExitCode.USAGE, message);
        assertThat(job.output()).doesNotExist();
    }

    @Test
    void severalProblemsAreToldAtOnce() {
        job.refused(
                job.trainWithoutSpark("sead=1", "lora.r=0", "training.shards=3"),
                ExitCode.USAGE,
                "DIR/job.yaml: 3 problems",
                "lora.r='0' must be a whole number from 1 to 2147483647",
                "training.shards='3' must be a power of two, at most training.batch_size=2",
                "sead is not a key; did you mean seed?");
        assertThat(job.output()).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "lora.groups.top.target_modules=[qeury] | lora.groups.top.target_modules[0]='qeury' matches no module; did you mean 'query'?",
                "lora.groups.top.target_modules=[layer.12.attention.self.query] | lora.groups.top.target_modules[0]='layer.12.attention.self.query' matches no module; this model has layer.0..layer.1",
                "lora.groups.top.layers_to_transform=[7] | lora.groups.top.layers_to_transform: this model has no layer 7; it has layer.0..layer.1",
                "lora.groups.bottom.layers_to_transform=[1] | lora.groups.bottom and lora.groups.top both match 'bert.encoder.layer.1.attention.self.query'; a module may be in one group only",
                "lora.exclude_modules=[poler.dense] | lora.exclude_modules[0]='poler.dense' matches no module; did you mean 'pooler.dense'?",
                "lora.rank_pattern={key: 2} | lora.rank_pattern['key']=2 matches no module of the groups that inherit it; it matches 'bert.encoder.layer.0.attention.self.key', which is not among them",
                "lora.groups.bottom.alpha_pattern={value: 2} | lora.groups.bottom.alpha_pattern['value']=2.0 matches no module of this group; it matches 'bert.encoder.layer.0.attention.self.value', which is not among them",
                "lora.groups.top.r=33 | lora.groups.top.r=33 is above 24, the smaller side of the 24 x 24 weight of 'bert.encoder.layer.1.attention.self.query' and 1 more; lower r (lora.r, if the group inherits it)",
                "model.max_length=65 | model.max_length 65 is above the 64 positions of DIR/model; lower it",
            })
    void groupsThatDoNotFitTheModel(String override, String message) {
        job.failed(job.trainWithoutSpark(override), ExitCode.USAGE, message);
    }

    @Test
    void severalProblemsWithGroups() {
        job.failed(
                job.trainWithoutSpark("lora.groups.top.target_modules=[qeury]", "lora.groups.bottom.r=33"),
                ExitCode.USAGE,
                "2 problems",
                "lora.groups.top.target_modules[0]='qeury' matches no module; did you mean 'query'?",
                "lora.groups.bottom.r=33 is above 24, the smaller side of the 24 x 24 weight of"
                        + " 'bert.encoder.layer.0.attention.self.query'; lower r (lora.r, if the group inherits it)");
    }

    @Test
    void missingJobFile() {
        job.refused(
                TrainingJob.run("none", "train", "--config", folder + "/none.yaml"),
                ExitCode.USAGE,
                "DIR/none.yaml: there is no such file; check the path after --config");
    }

    @Test
    void brokenYaml() {
        job.write("job.yaml", "model: [\n");
        job.refused(
                job.trainWithoutSpark(),
                ExitCode.USAGE,
                "DIR/job.yaml: line 2, column 1: not valid YAML: expected the node content, but found '<stream end>'");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "trian | there is no command 'trian'; 'spark-lora --help' lists what there is",
                "train | Missing required option: '--config=FILE'; 'spark-lora train --help' lists what there is",
                "train --config f --fast | Unknown option: '--fast'; 'spark-lora train --help' lists what there is",
                "train --config f now | unexpected argument 'now'; 'spark-lora train --help' lists what there is",
                "train --config | Missing required parameter for option '--config' (FILE); 'spark-lora train --help' lists what there is",
            })
    void commandLine(String line, String message) {
        job.refused(TrainingJob.run("none", line.split(" ", -1)), ExitCode.USAGE, message);
    }

    @Test
    void theStackTraceIsShownWithDebugOnly() {
        String[] command = {"train", "--config", folder + "/none.yaml", "--debug"};
        TrainingJob.Ended ended = TrainingJob.run("none", command);
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(ended.err()).contains("spark-lora: ", "\tat org.sparklora.driver.job.config.JobFile");
    }
}
