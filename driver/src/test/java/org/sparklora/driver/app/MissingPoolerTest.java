package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/** A checkpoint of masked language modelling, which has no pooler, from training to a merged model. */
class MissingPoolerTest {

    @TempDir
    private Path folder;

    private Path modelWithoutPooler() throws IOException {
        Path model = Files.createDirectories(folder.resolve("model"));
        for (String file : List.of("config.json", "vocab.txt")) {
            Files.copy(TrainingJob.TINY_MODEL.resolve(file), model.resolve(file));
        }
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(TrainingJob.TINY_MODEL.resolve("model.safetensors"))) {
            tensors.putAll(file.tensors());
        }
        assertThat(tensors.keySet().removeIf(name -> name.contains("pooler."))).isTrue();
        SafetensorsWriter.write(model.resolve("model.safetensors"), tensors);
        return model;
    }

    @Test
    void theNewPoolerTrainsIsSavedAndMerged() throws IOException {
        Path job = TrainingJob.smallest(folder);
        Path run = folder.resolve("run");
        TrainingJob.Ended ended = TrainingJob.train("local[2]", job, run, "model.path=" + modelWithoutPooler());
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err().lines().filter(line -> line.contains("no pooler")))
                .hasSize(1);
        assertThat(Files.readString(run.resolve("adapter/adapter_config.json"))).contains("\"pooler\"");
        Tensor trained;
        try (SafetensorsFile adapter = SafetensorsFile.open(run.resolve("adapter/adapter_model.safetensors"))) {
            trained = adapter.tensor("base_model.model.bert.pooler.dense.bias");
        }
        // A bias starts at 0.
        assertThat(trained.values()).isNotEqualTo(new float[trained.values().length]);

        Path merged = folder.resolve("merged");
        TrainingJob.Ended merge =
                TrainingJob.run("none", "merge", "--run", run.toString(), "--output", merged.toString());
        assertThat(merge.code()).as(merge.err()).isZero();
        try (SafetensorsFile model = SafetensorsFile.open(merged.resolve("model.safetensors"))) {
            assertThat(model.tensor("bert.pooler.dense.bias")).isEqualTo(trained);
        }
    }
}
