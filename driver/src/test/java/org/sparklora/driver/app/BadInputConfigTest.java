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
                "lora.lora_alhpa=16 | config.key.unknown | DIR/job.yaml: lora.lora_alhpa; lora.lora_alpha",
                "model.max_length=4 | config.value.invalid | DIR/job.yaml: model.max_length='4'; 5",
                "training.shards=3 | config.value.invalid | DIR/job.yaml: training.shards='3'; training.batch_size=2",
                "training.learning_rate=-1 | config.value.invalid | DIR/job.yaml: training.learning_rate='-1'; 0",
                "training.batch_size | config.set.syntax | DIR/job.yaml: --set training.batch_size",
                "lora={r: 4 | config.yaml.syntax | DIR/job.yaml: --set lora={r: 4; line 1, column 6",
                "schedule.events=[{epoch: 1, thaw: [top]}] | config.event.illegal | DIR/job.yaml:"
                        + " schedule.events[0].thaw; 'top'; epoch 1",
                "execution.device=gpu | config.value.unavailable | DIR/job.yaml: execution.device='gpu'; cpu",
            })
    void jobFile(String override, String code, String facts) {
        job.refused(job.trainWithoutSpark(override), ExitCode.USAGE, facts(code, facts));
        assertThat(job.output()).doesNotExist();
    }

    @Test
    void severalProblemsAreToldAtOnce() {
        job.refused(
                job.trainWithoutSpark("sead=1", "lora.r=0", "training.shards=3"),
                ExitCode.USAGE,
                "DIR/job.yaml: 3 problems [config.invalid]\n",
                "lora.r='0'",
                "[config.value.invalid]\n",
                "training.shards='3'",
                "[config.value.invalid]\n",
                "sead",
                "seed",
                "[config.key.unknown]");
        assertThat(job.output()).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "lora.groups.top.target_modules=[qeury] | manifest.module.unmatched |"
                        + " lora.groups.top.target_modules[0]='qeury'; 'query'",
                "lora.groups.top.target_modules=[layer.12.attention.self.query] | manifest.module.unmatched |"
                        + " lora.groups.top.target_modules[0]='layer.12.attention.self.query'; layer.0..layer.1",
                "lora.groups.top.layers_to_transform=[7] | manifest.layer.unknown |"
                        + " lora.groups.top.layers_to_transform; 7; layer.0..layer.1",
                "lora.groups.bottom.layers_to_transform=[1] | manifest.module.shared | lora.groups.bottom;"
                        + " lora.groups.top; 'bert.encoder.layer.1.attention.self.query'",
                "lora.exclude_modules=[poler.dense] | manifest.module.unmatched |"
                        + " lora.exclude_modules[0]='poler.dense'; 'pooler.dense'",
                "lora.rank_pattern={key: 2} | manifest.pattern.unused | lora.rank_pattern['key']=2;"
                        + " 'bert.encoder.layer.0.attention.self.key'",
                "lora.groups.bottom.alpha_pattern={value: 2} | manifest.pattern.unused |"
                        + " lora.groups.bottom.alpha_pattern['value']=2.0; 'bert.encoder.layer.0.attention.self.value'",
                "lora.groups.top.r=33 | manifest.rank.invalid | lora.groups.top.r=33; 24;"
                        + " 'bert.encoder.layer.1.attention.self.query'; 1 more",
                "model.max_length=65 | usage.max-length | model.max_length; 65; DIR/model; 64",
            })
    void groupsThatDoNotFitTheModel(String override, String code, String facts) {
        job.failed(job.trainWithoutSpark(override), ExitCode.USAGE, facts(code, facts));
    }

    private static String[] facts(String code, String facts) {
        return (facts + "; [" + code + "]").split("; ", -1);
    }

    @Test
    void severalProblemsWithGroups() {
        job.failed(
                job.trainWithoutSpark("lora.groups.top.target_modules=[qeury]", "lora.groups.bottom.r=33"),
                ExitCode.USAGE,
                "2 problems [manifest.invalid]\n",
                "lora.groups.top.target_modules[0]='qeury'",
                "'query'",
                "[manifest.module.unmatched]\n",
                "lora.groups.bottom.r=33",
                "24",
                "[manifest.rank.invalid]");
    }

    @Test
    void missingJobFile() {
        job.refused(
                TrainingJob.run("none", "train", "--config", folder + "/none.yaml"),
                ExitCode.USAGE,
                "DIR/none.yaml: ",
                "--config",
                "[config.file.unreadable]");
    }

    @Test
    void brokenYaml() {
        job.write("job.yaml", "model: [\n");
        job.refused(
                job.trainWithoutSpark(), ExitCode.USAGE, "DIR/job.yaml: line 2, column 1: ", "[config.yaml.syntax]");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "trian | 'trian'; 'spark-lora --help'",
                "size | --config=FILE; 'spark-lora size --help'",
                "train --config f --fast | '--fast'; 'spark-lora train --help'",
                "train --config f now | 'now'; 'spark-lora train --help'",
                "train --config | '--config' (FILE); 'spark-lora train --help'",
            })
    void commandLine(String line, String facts) {
        job.refused(TrainingJob.run("none", line.split(" ", -1)), ExitCode.USAGE, facts("usage.command-line", facts));
    }

    @Test
    void trainNeedsAJobFileOrAModelWithRows() {
        job.refused(
                TrainingJob.run("none", "train"),
                ExitCode.USAGE,
                "--config FILE",
                "--train FILE",
                "[usage.option-missing]");
    }

    @Test
    void theStackTraceIsShownWithDebugOnly() {
        String[] command = {"train", "--config", folder + "/none.yaml", "--debug"};
        TrainingJob.Ended ended = TrainingJob.run("none", command);
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(ended.err()).contains("spark-lora: ", "\tat org.sparklora.driver.job.config.JobFile");
    }
}
