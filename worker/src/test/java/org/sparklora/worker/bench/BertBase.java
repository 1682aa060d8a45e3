package org.sparklora.worker.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.bert.BertEncoder;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/** A model directory of BERT-base's shape with random weights, save a small vocabulary. Closing deletes it. */
public final class BertBase implements AutoCloseable {

    public static final int HIDDEN = 768;
    public static final int INNER = 3072;
    public static final int LAYERS = 12;

    /** Every layer. */
    public static final List<Integer> ALL = IntStream.range(0, LAYERS).boxed().toList();

    private final Path directory;

    private BertBase(Path directory) {
        this.directory = directory;
    }

    /** Writes the model. */
    public static BertBase create(int vocabulary) throws IOException {
        Path model = Files.createTempDirectory("bert-base");
        Files.writeString(model.resolve("config.json"), String.format(Locale.ROOT, """
                {"model_type": "bert", "vocab_size": %d, "hidden_size": 768, "num_hidden_layers": 12,
                 "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu",
                 "max_position_embeddings": 512, "type_vocab_size": 2}
                """, vocabulary));
        TreeMap<String, Tensor> tensors = new TreeMap<>();
        for (TensorSpec weight : BertEncoder.of(EncoderConfig.read(model)).weights()) {
            tensors.put(weight.name(), new Tensor(weight.shape(), values(weight)));
        }
        SafetensorsWriter.write(model.resolve("model.safetensors"), tensors);
        return new BertBase(model);
    }

    /** Uniform, with BERT's standard deviation of 0.02; ones where a normalisation scales. */
    static float[] values(TensorSpec weight) {
        float[] values = new float[weight.size()];
        if (weight.name().endsWith("LayerNorm.weight")) {
            Arrays.fill(values, 1);
            return values;
        }
        long key = KeyedRandom.key(1, weight.name());
        for (int i = 0; i < values.length; i++) {
            values[i] = 0.0693f * ((float) KeyedRandom.uniform(key, i) - 0.5f);
        }
        return values;
    }

    public Path directory() {
        return directory;
    }

    /** Query and value of a layer, r = 8. */
    public static List<LoraModule> modules(int layer) {
        return Stream.of("query", "value")
                .map(name -> new LoraModule(
                        "bert.encoder.layer." + layer + ".attention.self." + name, 8, 16, HIDDEN, HIDDEN))
                .toList();
    }

    @Override
    public void close() throws IOException {
        delete(directory);
    }

    /** Deletes a folder with all that is in it. */
    public static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
