package org.sparklora.driver.ml;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.bert.BertEncoder;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/** A small BERT with random weights: for tokenizers that no bundled model has, and where a model has to be very small. */
final class RandomBert {

    private RandomBert() {}

    /** Writes config.json and weights of 2 layers of width 64 beside a copy of a tokenizer's files. */
    static Path write(Path folder, Path tokenizer, int vocabulary) throws IOException {
        Files.createDirectories(folder);
        for (String file : new String[] {"tokenizer.json", "vocab.txt"}) {
            Files.copy(tokenizer.resolve(file), folder.resolve(file));
        }
        return write(folder, vocabulary, 64);
    }

    /** Writes a model of 2 layers of width 16, some 25 KB, that knows a few whole words. */
    static Path write(Path folder, List<String> words) throws IOException {
        Files.createDirectories(folder);
        List<String> vocabulary = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
        vocabulary.addAll(words);
        Files.write(folder.resolve("vocab.txt"), vocabulary);
        return write(folder, vocabulary.size(), 16);
    }

    private static Path write(Path folder, int vocabulary, int width) throws IOException {
        Files.writeString(
                folder.resolve("config.json"),
                String.format(java.util.Locale.ROOT, """
                {"model_type": "bert", "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": 2,
                 "num_attention_heads": 4, "intermediate_size": %d, "hidden_act": "gelu",
                 "max_position_embeddings": %d, "type_vocab_size": 2}
                """, vocabulary, width, 2 * width, 2 * width));
        TreeMap<String, Tensor> tensors = new TreeMap<>();
        for (TensorSpec weight : BertEncoder.of(EncoderConfig.read(folder)).weights()) {
            float[] values = new float[weight.size()];
            if (weight.name().endsWith("LayerNorm.weight")) {
                Arrays.fill(values, 1);
            } else if (!weight.name().endsWith("bias")) {
                long key = KeyedRandom.key(1, weight.name());
                for (int i = 0; i < values.length; i++) {
                    values[i] = 0.1f * (float) KeyedRandom.gaussian(key, i);
                }
            }
            tensors.put(weight.name(), new Tensor(weight.shape(), values));
        }
        SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors);
        return folder;
    }
}
