package org.sparklora.driver.ml;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.TreeMap;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.bert.BertEncoder;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/** A small BERT with random weights, for tokenizers that no bundled model has. */
final class RandomBert {

    private RandomBert() {}

    /** Writes config.json and weights of 2 layers of width 64 beside a copy of a tokenizer's files. */
    static Path write(Path folder, Path tokenizer, int vocabulary) throws IOException {
        Files.createDirectories(folder);
        for (String file : new String[] {"tokenizer.json", "vocab.txt"}) {
            Files.copy(tokenizer.resolve(file), folder.resolve(file));
        }
        Files.writeString(folder.resolve("config.json"), String.format(java.util.Locale.ROOT, """
                {"model_type": "bert", "vocab_size": %d, "hidden_size": 64, "num_hidden_layers": 2,
                 "num_attention_heads": 4, "intermediate_size": 128, "hidden_act": "gelu",
                 "max_position_embeddings": 128, "type_vocab_size": 2}
                """, vocabulary));
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
