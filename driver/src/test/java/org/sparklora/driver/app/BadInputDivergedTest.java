package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.worker.safetensors.Tensor;

/** Numbers that stop being finite: exit code 5, before the update that they would spoil. */
class BadInputDivergedTest {

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void openJob() {
        job = new SmallJob(folder);
    }

    @Test
    void aLearningRateThatBlowsUp() {
        job.failed(
                job.train("training.learning_rate=1e30"),
                ExitCode.DIVERGED,
                "step 1",
                "NaN",
                "'head', 'top'",
                "training.learning_rate",
                "[diverged.gradient]");
        assertThat(TrainingJob.events(job.output(), "step")).hasSize(1);
        assertThat(TrainingJob.events(job.output(), "finished")).isEmpty();
    }

    @Test
    void theLastStepBlowsUp() {
        job.failed(
                job.train(
                        "training.learning_rate=1e300",
                        "training.batch_size=4",
                        "training.num_train_epochs=1",
                        "schedule.events=[]"),
                ExitCode.DIVERGED,
                "epoch 0",
                "'bert.encoder.layer.1.attention.self.query.lora_A.weight'",
                "NaN",
                "[diverged.values]");
        assertThat(TrainingJob.events(job.output(), "step")).hasSize(1);
    }

    @Test
    void aModelWithHugeWeights() {
        SmallJob.changeTensors(
                job.model().resolve("model.safetensors"),
                tensors -> tensors.replaceAll((name, tensor) -> {
                    float[] values = new float[tensor.size()];
                    Arrays.fill(values, 1e30f);
                    return new Tensor(tensor.shape(), values);
                }));
        job.failed(
                job.train(),
                ExitCode.DIVERGED,
                "step 0",
                "NaN",
                "'head', 'top'",
                "lora.init_adapter",
                "[diverged.gradient]");
        assertThat(TrainingJob.events(job.output(), "step")).isEmpty();
        assertThat(TrainingJob.events(job.output(), "epoch_start")).hasSize(1);
    }
}
