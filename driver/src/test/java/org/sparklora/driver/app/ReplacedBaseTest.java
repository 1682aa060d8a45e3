package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.safetensors.Tensor;

/** A process that trains again, as a notebook does, after the base model's file was replaced. */
class ReplacedBaseTest {

    @TempDir
    private Path folder;

    @Test
    void theNextRunTrainsOnTheWeightsThatItRecords() throws IOException {
        SmallJob job = new SmallJob(folder.resolve("job"));
        String before = adapter(job, "first");

        Path weights = job.model().resolve("model.safetensors");
        Path other = Files.copy(weights, folder.resolve("other"));
        SmallJob.changeTensors(
                other,
                tensors -> tensors.replaceAll((name, tensor) -> {
                    float[] values = tensor.values();
                    for (int i = 0; i < values.length; i++) {
                        values[i] *= 1.5f;
                    }
                    return new Tensor(tensor.shape(), values);
                }));
        Files.move(other, weights, StandardCopyOption.REPLACE_EXISTING);
        String after = adapter(job, "second");

        SmallJob fresh = new SmallJob(folder.resolve("fresh"));
        Files.copy(weights, fresh.model().resolve("model.safetensors"), StandardCopyOption.REPLACE_EXISTING);
        assertThat(after).isEqualTo(adapter(fresh, "third")).isNotEqualTo(before);
        assertThat(Files.readString(folder.resolve("second/manifest.json"))).contains(BaseModel.sha256(job.model()));
    }

    private String adapter(SmallJob job, String run) {
        Path output = folder.resolve(run);
        TrainingJob.Ended ended = TrainingJob.train("local[2]", job.model().resolveSibling("job.yaml"), output);
        assertThat(ended.code()).as(ended.err()).isZero();
        return TrainingJob.status(output).get("adapter_sha256").asText();
    }
}
