package org.sparklora.driver.app;

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

/** An init_adapter that does not fit the job: exit code 4, before Spark starts, save for the head, whose size hangs on the data. */
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

    private static String doesNotFit(String why) {
        return "lora.init_adapter DIR/adapter does not fit this job: " + why
                + "; give groups with the adapter's modules, r and lora_alpha, or another adapter";
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "lora.r=2 | 'bert.encoder.layer.1.attention.self.query.lora_A.weight' has shape [4, 24], but the job asks for [2, 24]; 'bert.encoder.layer.1.attention.self.query.lora_B.weight' has shape [24, 4], but the job asks for [24, 2]",
                "lora.lora_alpha=16 | 'bert.encoder.layer.1.attention.self.query' was trained with lora_alpha 8.0 and use_rslora false, but the job has 16.0 and false; it would compute something else",
                "lora.use_rslora=true | 'bert.encoder.layer.1.attention.self.query' was trained with lora_alpha 8.0 and use_rslora false, but the job has 8.0 and true; it would compute something else",
            })
    void otherSettings(String override, String message) {
        job.failed(
                job.trainWithoutSpark(override, "lora.init_adapter=" + adapter), ExitCode.MODEL, doesNotFit(message));
    }

    @Test
    void moduleOfNoGroup() {
        write("bert.encoder.layer.0.attention.self.value", 2);
        job.failed(
                job.trainWithoutSpark("lora.init_adapter=" + adapter),
                ExitCode.MODEL,
                doesNotFit(
                        "'bert.encoder.layer.0.attention.self.value.lora_A.weight' belongs to no group of this job; its part of the"
                                + " adapter would be lost; 'bert.encoder.layer.0.attention.self.value.lora_B.weight' belongs to no group of this"
                                + " job; its part of the adapter would be lost"));
    }

    @Test
    void otherNumberOfLabels() {
        job.failed(
                job.train("lora.init_adapter=" + adapter),
                ExitCode.MODEL,
                doesNotFit(
                        "'classifier.bias' has shape [3], but the job asks for [2] (the job has the labels [no, yes]);"
                                + " 'classifier.weight' has shape [3, 24], but the job asks for [2, 24] (the job has the labels [no, yes])"));
    }

    @Test
    void missingDirectory() {
        job.failed(
                job.trainWithoutSpark("lora.init_adapter=/nowhere/adapter"),
                ExitCode.MODEL,
                "/nowhere/adapter: there is no adapter_config.json; a PEFT adapter directory has one, check the path");
    }

    @Test
    void corruptFiles() {
        job.write("adapter/adapter_model.safetensors", "this is no safetensors file");
        job.failed(
                job.trainWithoutSpark("lora.init_adapter=" + adapter),
                ExitCode.MODEL,
                "DIR/adapter/adapter_model.safetensors: the first 8 bytes give a header of 2338328219631577204 bytes, and a"
                        + " safetensors header has 2 to 100000000; this is another format or the file is damaged, copy the file again");
        job.write("adapter/adapter_config.json", "{\"peft_type\": ");
        job.failed(
                job.trainWithoutSpark("lora.init_adapter=" + adapter),
                ExitCode.MODEL,
                "DIR/adapter/adapter_config.json: this is not JSON (Unexpected end-of-input within/between Object entries);"
                        + " copy the adapter again");
    }
}
