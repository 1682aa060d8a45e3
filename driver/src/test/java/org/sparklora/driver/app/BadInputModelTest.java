package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.worker.safetensors.Tensor;

/** A base model that cannot be used: exit code 4, before Spark starts. */
class BadInputModelTest {

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void openJob() {
        job = new SmallJob(folder);
    }

    private void refused(String code, String... facts) {
        refused(job.trainWithoutSpark(), code, facts);
        assertThat(job.output())
                .isDirectoryContaining("glob:**/status.json")
                .isDirectoryNotContaining("glob:**/config.yaml");
    }

    private void refused(TrainingJob.Ended ended, String code, String... facts) {
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.MODEL.code());
        assertThat(ended.err().strip().lines()).hasSize(1).first().asString().endsWith("[" + code + "]");
        for (String fact : facts) {
            assertThat(ended.err()).contains(fact.replace("DIR", folder.toString()));
        }
    }

    @Test
    void missingDirectory() {
        refused(job.trainWithoutSpark("model.path=/nowhere/bert"), "model.directory", "model.path", "/nowhere/bert");
    }

    @Test
    void remoteModel() {
        refused(
                job.trainWithoutSpark("model.path=nofs://host/bert"),
                "model.unreachable",
                "model.path nofs://host/bert",
                "No FileSystem for scheme \"nofs\"",
                "--packages");
    }

    @Test
    void missingWeights() throws IOException {
        Files.delete(job.model().resolve("model.safetensors"));
        refused("model.directory", "DIR/model", "model.safetensors", "pytorch_model.bin");
        job.write("model/pytorch_model.bin", "");
        refused("weights.format", "DIR/model/pytorch_model.bin");
    }

    @Test
    void truncatedWeights() throws IOException {
        Path file = job.model().resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(whole, whole.length - 1));
        refused("weights.damaged", "DIR/model/model.safetensors", "'classifier.weight'", "64068", "64067");
        Files.write(file, new byte[5]);
        refused("weights.damaged", "DIR/model/model.safetensors", "5 bytes");
    }

    @Test
    void headerBeyondTheFile() throws IOException {
        Path file = job.model().resolve("model.safetensors");
        Files.write(
                file,
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(1 << 20)
                        .array(),
                StandardOpenOption.WRITE);
        refused("weights.damaged", "DIR/model/model.safetensors", "1048584", "68380");
    }

    @Test
    void missingAndMisshapenWeights() {
        SmallJob.changeTensors(job.model().resolve("model.safetensors"), tensors -> {
            tensors.remove("bert.encoder.layer.1.output.dense.bias");
            tensors.put("bert.pooler.dense.bias", new Tensor(List.of(2), new float[2]));
        });
        refused(
                "model.weights",
                "DIR/model/model.safetensors",
                "'bert.encoder.layer.1.output.dense.bias'",
                "'bert.pooler.dense.bias'",
                "[2]",
                "[24]");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"hidden_size\": 24,    |                      | model.weights     | [24]; [768]",
                "\"hidden_size\": 24     | \"hidden_size\": 0.5 | model.config      | hidden_size; 0.5",
                "\"hidden_size\": 24     | \"hidden_size\": \"a\" | model.config      | hidden_size; 'a'",
                "\"hidden_size\": 24     | \"hidden_size\": 25  | model.config      | hidden_size 25; num_attention_heads 3",
                "\"bert\"                | \"t5\"               | model.unsupported | 't5'; bert, camembert; roberta, xlm-roberta",
                "\"gelu\"                | \"relu\"             | model.unsupported | hidden_act; 'relu'; gelu_new",
                "{                       | [                    | model.config      | JSON",
            })
    void configThatCannotBeUsed(String from, String to, String code, String facts) {
        job.replaceInModel("config.json", from, to == null ? "" : to);
        refused(code, ("DIR/model/config.json; " + facts).split("; "));
    }

    @Test
    void missingConfig() throws IOException {
        Files.delete(job.model().resolve("config.json"));
        refused("model.directory", "DIR/model", "config.json");
    }

    @Test
    void missingOrBrokenTokenizer() throws IOException {
        Files.delete(job.model().resolve("vocab.txt"));
        refused("tokenizer.unusable", "DIR/model", "tokenizer.json", "vocab.txt");
        job.write("model/vocab.txt", "good\nbad\n");
        refused(
                "tokenizer.unusable",
                "DIR/model/vocab.txt",
                "2 tokens",
                "[PAD] (pad_token)",
                "[UNK] (unk_token)",
                "[CLS] (cls_token)",
                "[SEP] (sep_token)");
        job.write("model/tokenizer.json", "{\"model\": {\"vocab\": [1]}, \"post_processor\": {}}");
        refused("tokenizer.unusable", "DIR/model/tokenizer.json");
        job.write("model/tokenizer.json", "{\"model\": {\"vocab\": {\"[PAD]\": 0}}, \"post_processor\": {}}");
        refused("tokenizer.unusable", "DIR/model/tokenizer.json", "line 1 column 30");
    }

    @Test
    void tokenizerOfALargerModel() throws IOException {
        Path vocab = job.model().resolve("vocab.txt");
        Files.writeString(vocab, Files.readString(vocab) + "w\n".repeat(300));
        refused("tokenizer.mismatch", "DIR/model/vocab.txt", "499", "200");
    }
}
