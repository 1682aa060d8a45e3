package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.worker.safetensors.Tensor;

/**
 * An init_adapter that does not fit the job: exit code 4, before Spark starts. The head is checked later, because its size
 * depends on the data.
 */
class BadInputAdapterTest {

    private static final String PREFIX = "base_model.model.";
    private static final String QUERY = "bert.encoder.layer.1.attention.self.query";

    @TempDir
    private Path folder;

    private SmallJob job;
    private Path adapter;

    @BeforeEach
    void openJob() throws IOException {
        job = new SmallJob(folder);
        adapter = Files.createDirectory(folder.resolve("adapter"));
        job.write("adapter/adapter_config.json", """
                {"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 4, "lora_alpha": 8, "bias": "none",
                 "target_modules": ["query"], "layers_to_transform": [1], "modules_to_save": ["classifier"]}
                """);
        Files.write(adapter.resolve("adapter_model.safetensors"), new byte[] {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'});
        write(QUERY, 3);
    }

    /** An adapter of one module and a head with so many labels. */
    private void write(String module, int labels) {
        SmallJob.changeTensors(adapter.resolve("adapter_model.safetensors"), tensors -> {
            tensors.clear();
            tensors.put(PREFIX + module + ".lora_A.weight", new Tensor(List.of(4, 24), new float[96]));
            tensors.put(PREFIX + module + ".lora_B.weight", new Tensor(List.of(24, 4), new float[96]));
            tensors.put(PREFIX + "classifier.weight", new Tensor(List.of(labels, 24), new float[labels * 24]));
            tensors.put(PREFIX + "classifier.bias", new Tensor(List.of(labels), new float[labels]));
        });
    }

    private void refused(TrainingJob.Ended ended, String code, String... facts) {
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.MODEL.code());
        assertThat(ended.err().strip().lines()).last().asString().endsWith("[" + code + "]");
        for (String fact : facts) {
            assertThat(ended.err()).contains(fact.replace("DIR", folder.toString()));
        }
        assertThat(job.output().resolve("adapter")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "lora.r=2 | QUERY.lora_A.weight'; [4, 24]; [2, 24]; QUERY.lora_B.weight'; [24, 4]; [24, 2]",
                "lora.lora_alpha=16 | QUERY'; lora_alpha 8.0; 16.0",
                "lora.use_rslora=true | QUERY'; use_rslora false; true",
            })
    void otherSettings(String override, String facts) {
        refused(
                job.trainWithoutSpark(override, "lora.init_adapter=" + adapter),
                "adapter.mismatch",
                ("DIR/adapter; " + facts.replace("QUERY", "'" + QUERY)).split("; "));
    }

    @Test
    void anotherVariant() {
        refused(
                job.trainWithoutSpark("lora.use_dora=true", "lora.init_adapter=" + adapter),
                "adapter.mismatch",
                "DIR/adapter",
                "plain LoRA",
                "{use_dora=true}");
    }

    @Test
    void moduleOfNoGroup() {
        write("bert.encoder.layer.0.attention.self.value", 2);
        refused(
                job.trainWithoutSpark("lora.init_adapter=" + adapter),
                "adapter.mismatch",
                "DIR/adapter",
                "'bert.encoder.layer.0.attention.self.value.lora_A.weight'",
                "'bert.encoder.layer.0.attention.self.value.lora_B.weight'");
    }

    @Test
    void otherNumberOfLabels() {
        refused(
                job.train("lora.init_adapter=" + adapter),
                "adapter.mismatch",
                "'classifier.bias' has shape [3]",
                "[2]",
                "'classifier.weight' has shape [3, 24]",
                "[2, 24]",
                "[no, yes]");
    }

    @Test
    void missingDirectory() {
        refused(
                job.trainWithoutSpark("lora.init_adapter=/nowhere/adapter"),
                "adapter.missing",
                "/nowhere/adapter",
                "adapter_config.json");
    }

    @Test
    void corruptFiles() {
        job.write("adapter/adapter_model.safetensors", "this is no safetensors file");
        refused(
                job.trainWithoutSpark("lora.init_adapter=" + adapter),
                "weights.format",
                "DIR/adapter/adapter_model.safetensors",
                "2338328219631577204");
        job.write("adapter/adapter_config.json", "{\"peft_type\": ");
        refused(
                job.trainWithoutSpark("lora.init_adapter=" + adapter),
                "adapter.config",
                "DIR/adapter/adapter_config.json");
    }
}
