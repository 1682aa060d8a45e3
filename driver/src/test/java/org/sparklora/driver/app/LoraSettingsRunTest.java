package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.model.peft.PeftAdapter;
import org.sparklora.worker.safetensors.Tensor;

/** The job file's LoRA settings, seen in the adapter that a run writes. */
class LoraSettingsRunTest {

    private static final String LAYER = "bert.encoder.layer.1.";

    @TempDir
    private Path folder;

    @Test
    void patternsExclusionAllLinearAndLoraPlusAreInTheAdapter() {
        SmallJob job = new SmallJob(folder);
        // One step on all rows: B moves from zero by its own learning rate, whatever the size of the gradient.
        TrainingJob.Ended ended = job.train(
                "lora.use_rslora=true",
                "lora.rank_pattern={value: 3}",
                "lora.exclude_modules=[intermediate.dense, output.dense]",
                "lora.groups={top: {target_modules: all-linear, layers_to_transform: 1-1, alpha_pattern: {query: 5}}}",
                "schedule.events=[]",
                "training.num_train_epochs=1",
                "training.batch_size=4",
                "training.loraplus_lr_ratio=16");
        assertThat(ended.code()).as(ended.err()).isZero();

        PeftAdapter adapter = PeftAdapter.read(job.output().resolve("adapter"));
        SortedMap<String, Integer> ranks = new TreeMap<>();
        adapter.modules().forEach(module -> ranks.put(module, adapter.rank(module)));
        assertThat(ranks)
                .isEqualTo(Map.of(
                        LAYER + "attention.self.key", 4,
                        LAYER + "attention.self.query", 4,
                        LAYER + "attention.self.value", 3));
        assertThat(adapter.alpha(LAYER + "attention.self.query")).isEqualTo(5);
        assertThat(adapter.alpha(LAYER + "attention.self.value")).isEqualTo(8);
        assertThat(adapter.config().ranks().rankStabilized()).isTrue();
        assertThat(largest(adapter, LAYER + "attention.self.value.lora_B.weight"))
                .isCloseTo(0.016f, Offset.offset(1e-4f));
        assertThat(largest(adapter, "classifier.bias")).isCloseTo(0.016f, Offset.offset(1e-4f));

        assertThat(TrainingJob.events(job.output(), "step"))
                .singleElement()
                .satisfies(step ->
                        assertThat(step.at("/learning_rate/top").asDouble()).isEqualTo(0.001));
    }

    private static float largest(PeftAdapter adapter, String name) {
        Tensor tensor = java.util.Objects.requireNonNull(adapter.tensors().get(name));
        float largest = 0;
        for (float value : tensor.values()) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }
}
