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

    private void refusedAsModel(String message) {
        job.failed(job.trainWithoutSpark(), ExitCode.MODEL, message);
        assertThat(job.output())
                .isDirectoryContaining("glob:**/status.json")
                .isDirectoryNotContaining("glob:**/config.yaml");
    }

    @Test
    void missingDirectory() {
        job.failed(
                job.trainWithoutSpark("model.path=/nowhere/bert"),
                ExitCode.MODEL,
                "model.path /nowhere/bert is not a directory; give a Hugging Face model directory with config.json,"
                        + " model.safetensors and vocab.txt or tokenizer.json");
    }

    @Test
    void remoteModel() {
        job.failed(
                job.trainWithoutSpark("model.path=nofs://host/bert"),
                ExitCode.MODEL,
                "model.path nofs://host/bert cannot be listed:"
                        + " org.apache.hadoop.fs.UnsupportedFileSystemException: No FileSystem for scheme \"nofs\"; check"
                        + " the address, and that the file system's jars are on the class path (--packages)");
    }

    @Test
    void missingWeights() throws IOException {
        Files.delete(job.model().resolve("model.safetensors"));
        refusedAsModel("DIR/model has no model.safetensors, pytorch_model.bin or index of several such files;"
                + " a Hugging Face model directory holds one of them beside config.json");
        job.write("model/pytorch_model.bin", "");
        refusedAsModel("DIR/model/pytorch_model.bin: this is not a file that torch.save wrote; copy the file again");
    }

    @Test
    void truncatedWeights() throws IOException {
        Path file = job.model().resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(whole, whole.length - 1));
        refusedAsModel(
                "DIR/model/model.safetensors: tensor 'classifier.weight' ends at byte 64068 of the data, but the file holds"
                        + " 64067; the file is damaged or incomplete, copy the file again");
        Files.write(file, new byte[5]);
        refusedAsModel("DIR/model/model.safetensors: the file has 5 bytes, too few for a safetensors file (8 at least);"
                + " copy the file again");
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
        refusedAsModel("DIR/model/model.safetensors: the header should end at byte 1048584, but the file ends at 68380;"
                + " the file is incomplete, copy the file again");
    }

    @Test
    void missingAndMisshapenWeights() {
        SmallJob.changeTensors(job.model().resolve("model.safetensors"), tensors -> {
            tensors.remove("bert.encoder.layer.1.output.dense.bias");
            tensors.put("bert.pooler.dense.bias", new Tensor(List.of(2), new float[2]));
        });
        refusedAsModel(
                "DIR/model/model.safetensors does not fit its config.json: 'bert.encoder.layer.1.output.dense.bias' is missing;"
                        + " 'bert.pooler.dense.bias' has shape [2], but config.json asks for [24]; config.json and model.safetensors"
                        + " must come from the same model");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"hidden_size\": 24,    |                      | DIR/model/config.json has no key 'hidden_size'; copy the model directory again",
                "\"hidden_size\": 24     | \"hidden_size\": 0.5 | DIR/model/config.json: hidden_size is 0.5, but must be a whole number above 0",
                "\"hidden_size\": 24     | \"hidden_size\": \"a\" | DIR/model/config.json: hidden_size is 'a', but must be a number",
                "\"hidden_size\": 24     | \"hidden_size\": 25  | DIR/model/config.json: hidden_size 25 is not a multiple of num_attention_heads 3",
                "\"bert\"                | \"t5\"               | DIR/model/config.json: model_type 't5' is not supported; this version fine-tunes: bert, distilbert, roberta, xlm-roberta",
                "\"gelu\"                | \"relu\"             | DIR/model/config.json: hidden_act 'relu' is not supported; BERT's erf form 'gelu' is",
                "{                       | [                    | DIR/model/config.json is not valid JSON; copy the model directory again",
            })
    void configThatCannotBeUsed(String from, String to, String message) {
        job.replaceInModel("config.json", from, to == null ? "" : to);
        refusedAsModel(message);
    }

    @Test
    void missingConfig() throws IOException {
        Files.delete(job.model().resolve("config.json"));
        refusedAsModel("DIR/model has no config.json; a Hugging Face model directory holds it beside the weights");
    }

    @Test
    void missingOrBrokenTokenizer() throws IOException {
        Files.delete(job.model().resolve("vocab.txt"));
        refusedAsModel("the tokenizer of DIR/model cannot be used: 'DIR/model' holds neither tokenizer.json nor"
                + " vocab.txt; point model.path at a Hugging Face model directory with its tokenizer");
        job.write("model/vocab.txt", "good\nbad\n");
        refusedAsModel("the tokenizer of DIR/model cannot be used: 'DIR/model/vocab.txt' (2 tokens) lacks [PAD]"
                + " (pad_token), [UNK] (unk_token), [CLS] (cls_token), [SEP] (sep_token); add a line for each, or name the"
                + " model's own special tokens in tokenizer_config.json");
        job.write("model/tokenizer.json", "{\"model\": {\"vocab\": [1]}, \"post_processor\": {}}");
        refusedAsModel("the tokenizer of DIR/model cannot be used: 'DIR/model/tokenizer.json' is not laid out as a"
                + " tokenizer.json; copy the file again");
        job.write("model/tokenizer.json", "{\"model\": {\"vocab\": {\"[PAD]\": 0}}, \"post_processor\": {}}");
        refusedAsModel(
                "the tokenizer of DIR/model cannot be used: 'DIR/model/tokenizer.json' is not a tokenizer that can be loaded: data"
                        + " did not match any variant of untagged enum ModelUntagged at line 1 column 30; copy the model's tokenizer"
                        + " files again");
    }

    @Test
    void tokenizerOfALargerModel() throws IOException {
        Path vocab = job.model().resolve("vocab.txt");
        Files.writeString(vocab, Files.readString(vocab) + "w\n".repeat(300));
        refusedAsModel(
                "DIR/model/vocab.txt has token ids up to 499, but the model embeds only the ids below 200; tokenizer and model"
                        + " must come from the same model");
    }
}
