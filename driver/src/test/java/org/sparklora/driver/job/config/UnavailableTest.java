package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.sparklora.driver.job.text.Facts.problem;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnavailableTest {

    @TempDir
    Path directory;

    @Test
    void namesEachValueAndWhatToUseInstead() {
        assertThat(Jobs.problems(directory, Jobs.EVERY_KEY))
                .satisfiesExactlyInAnyOrder(
                        problem(
                                "config.value.conflict",
                                "lora: there is no LoRA variant",
                                "peft_type ADALORA",
                                "use_dora true",
                                "init_lora_weights pissa"),
                        problem("config.value.conflict", "schedule.policy must be epochs", "ADALORA"),
                        problem("config.value.unavailable", "execution.device='gpu'"),
                        problem("config.value.conflict", "lora.init needs peft_type: LORA"),
                        problem("config.value.unavailable", "tracking.mlflow", "data.adapter"),
                        problem("config.value.unavailable", "tracking.tensorboard", "data.adapter"));
    }

    @Test
    void otherModulesDoNotTrainWhole() {
        assertThat(Jobs.problems(directory, Jobs.SMALLEST, "lora.modules_to_save=[query, classifier]"))
                .satisfiesExactly(
                        problem("config.value.unavailable", "modules_to_save=[query", "pooler", "word_embeddings"));
    }

    @Test
    void everyTaskIsAvailable() {
        for (String task : List.of("classification", "multi_label", "regression", "token_classification")) {
            assertThat(Jobs.read(directory, Jobs.SMALLEST, "model.task=" + task)
                            .model()
                            .task()
                            .name())
                    .isEqualToIgnoringCase(task);
        }
        assertThat(Jobs.read(directory, Jobs.SMALLEST, "lora.modules_to_save=[pre_classifier, classifier]")
                        .lora()
                        .modulesToSave())
                .hasSize(2);
    }

    @Test
    void letsThroughWhatIsAvailable() {
        JobConfig job = Jobs.read(
                directory,
                Jobs.TWO_GROUPS,
                "model.task=regression",
                "lora.modules_to_save=[]",
                "lora.bias=all",
                "lora.use_rslora=true",
                "data.validation.fraction=0.1",
                "schedule.events=[{epoch: 1, thaw: [bottom], optimizer_state: fresh}]",
                "training.loraplus_lr_ratio=16",
                "training.metric_for_best_model=pearson",
                "training.load_best_model_at_end=true",
                "training.early_stopping_patience=2",
                "execution.exchange=driver",
                "execution.checkpoint_every=50",
                "execution.activation_cache=disk",
                "execution.activation_cache_type=float16");
        assertThat(job.training().metricForBestModel()).contains("pearson");
    }
}
