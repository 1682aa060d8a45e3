package org.sparklora.driver.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.ml.param.Param;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ResolvedYaml;

/** The job that an estimator's Params make up. */
class JobKeysTest {

    @TempDir
    private Path folder;

    private static LoraTextClassifier classifier() {
        return new LoraTextClassifier("classifier").setBaseModel(LocalSpark.TINY_MODEL.toString());
    }

    private static String job(LoraEstimator<?, ?> estimator) {
        return ResolvedYaml.write(estimator.jobConfig("out/run"));
    }

    /** What explainParams calls the default is what happens. */
    @Test
    void defaultsAreThoseOfAJobFile() {
        LoraTextClassifier all = classifier();
        for (Param<?> param : all.params()) {
            if (all.hasDefault(param)) {
                setToDefault(all, param);
            }
        }
        assertThat(all.isSet(all.stepSize())).isTrue();
        assertThat(job(all)).isEqualTo(job(classifier()));
    }

    private static <T> void setToDefault(LoraTextClassifier of, Param<T> param) {
        of.put(param, of.getDefault(param).get());
    }

    @Test
    void everyParamReachesItsKey() {
        JobConfig job = classifier()
                .setGroups("{top: {target_modules: [query], layers_to_transform: [3]}}")
                .setSchedule("{live: []}")
                .setLabels(new String[] {"no \"no\"", "yes"})
                .setMaxLength(20)
                .setR(3)
                .setLoraAlpha(5)
                .setLoraDropout(0.25)
                .setMaxIter(7)
                .setStepSize(1e-5)
                .setRegParam(0.5)
                .setBatchSize(16)
                .setShards(4)
                .setSeed(-9)
                .setCheckpointInterval(11)
                .jobConfig("out/run");
        assertThat(job.model().labels()).contains(List.of("no \"no\"", "yes"));
        assertThat(job.model().maxLength()).isEqualTo(20);
        assertThat(job.model().path()).endsWith("tiny-bert-12l");
        assertThat(job.lora().r()).isEqualTo(3);
        assertThat(job.lora().loraAlpha()).isEqualTo(5);
        assertThat(job.lora().loraDropout()).isEqualTo(0.25);
        assertThat(job.lora().groups()).containsOnlyKeys("top");
        assertThat(job.schedule().live()).isEmpty();
        assertThat(job.training().numTrainEpochs()).hasValue(7);
        assertThat(job.training().learningRate()).isEqualTo(1e-5);
        assertThat(job.training().weightDecay()).isEqualTo(0.5);
        assertThat(job.training().batchSize()).isEqualTo(16);
        assertThat(job.training().shards()).isEqualTo(4);
        assertThat(job.seed()).isEqualTo(-9);
        assertThat(job.execution().checkpointEvery()).hasValue(11);
    }

    @Test
    void aParamThatIsSetWinsOverTheJobFileAndAnOverrideOverBoth() throws Exception {
        Path file = folder.resolve("job.yaml");
        Files.writeString(
                file, """
                model: {path: %s}
                data: {train: {path: nowhere.csv}}
                lora:
                  r: 2
                  lora_alpha: 3
                  groups: {top: {target_modules: [query], layers_to_transform: [3]}}
                schedule: {live: [top]}
                training: {num_train_epochs: 9}
                """.replace("%s", LocalSpark.TINY_MODEL.toAbsolutePath().toString()));
        JobConfig job = new LoraTextClassifier()
                .setJob(file.toString())
                .setR(4)
                .setLoraAlpha(5)
                .setJobOverrides(new String[] {"lora.lora_alpha=6"})
                .jobConfig("out/run");
        assertThat(job.lora().r()).isEqualTo(4);
        assertThat(job.lora().loraAlpha()).isEqualTo(6);
        assertThat(job.training().numTrainEpochs())
                .as("its default does not count")
                .hasValue(9);
        assertThat(job.lora().groups()).containsOnlyKeys("top");
    }

    @Test
    void settersCheckTheirRangeAndGettersSayWhereThereIsNothing() {
        assertThatThrownBy(() -> classifier().setR(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("parameter r given invalid value 0");
        assertThatThrownBy(() -> classifier().setThresholds(new double[] {0, 0}))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> classifier().setPooling("max")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> classifier().getWeightCol()).isInstanceOf(NoSuchElementException.class);
        String[] labels = {"a", "b"};
        LoraTextClassifier classifier = classifier().setLabels(labels);
        labels[0] = "c";
        classifier.getLabels()[1] = "c";
        assertThat(classifier.getLabels()).containsExactly("a", "b");
        assertThat(classifier.copy(org.apache.spark.ml.param.ParamMap.empty()).getLabels())
                .containsExactly("a", "b");
    }
}
