package org.sparklora.driver.model.export;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderWeights;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.HalfFloats;
import org.sparklora.worker.safetensors.TensorFile;
import org.sparklora.worker.safetensors.ValueWriter;

/**
 * A base model with an adapter merged into it: every weight of the encoder by its Hugging Face name, and the head. Tensors
 * are computed when asked for and not cached. Holds the base's files open until closed.
 */
public final class MergedWeights implements Closeable {

    private static final String WEIGHT = ".weight";

    private final Path directory;
    private final Encoder encoder;
    private final EncoderWeights base;
    private final AdapterSnapshot adapter;
    private final SortedMap<String, List<Integer>> shapes = new TreeMap<>();
    private final LoraVariant variant;

    /** By the name of the weight that it is merged into. */
    private final Map<String, Adapted> adapted = new TreeMap<>();

    /** A module of an initialized group. */
    private record Adapted(LoraModule module, GroupSettings settings) {}

    private MergedWeights(Path directory, EncoderWeights base, ManifestFile manifest, AdapterSnapshot adapter) {
        this.directory = directory;
        this.encoder = base.encoder();
        this.base = base;
        this.adapter = adapter;
        this.variant = LoraVariant.of(manifest.manifest());
        for (TensorSpec weight : encoder.weights()) {
            shapes.put(weight.name(), weight.shape());
        }
        // A checkpoint may have a head of its own; the run's replaces it.
        manifest.manifest().head().forEach(tensor -> shapes.put(tensor.name(), tensor.shape()));
        for (LoraGroup group : manifest.manifest().groups()) {
            if (manifest.state().of(group.name()) != GroupState.DORMANT) {
                group.modules().forEach(m -> adapted.put(m.path() + WEIGHT, new Adapted(m, group.settings())));
            }
        }
    }

    /**
     * Opens a base model for merging.
     *
     * @param directory the base model's
     * @param adapter every tensor of the initialized groups, of the head, and trained biases
     */
    public static MergedWeights open(
            Path directory, HeadInput headInput, ManifestFile manifest, AdapterSnapshot adapter) {
        return new MergedWeights(directory, EncoderWeights.open(directory, headInput), manifest, adapter);
    }

    /** The base model's directory. */
    Path directory() {
        return directory;
    }

    Encoder encoder() {
        return encoder;
    }

    /** Shapes of all tensors, by name. */
    public SortedMap<String, List<Integer>> shapes() {
        return Collections.unmodifiableSortedMap(shapes);
    }

    /** Number of modules with a merged adapter. */
    public int mergedModules() {
        return adapted.size();
    }

    /**
     * Writes a tensor's bytes, little-endian, row-major. An adapted weight is in memory at a time; a tensor without an adapter,
     * such as the embeddings, passes in parts.
     *
     * @param dtype F32 or F16
     * @throws ModelException if the type cannot hold a value
     */
    public void write(String name, DType dtype, OutputStream out) throws IOException {
        if (dtype != DType.F32 && dtype != DType.F16) {
            throw new IllegalArgumentException("models are written in F32 or F16, not in " + dtype);
        }
        ValueWriter.write(out, writer -> {
            // Receives values in double precision and rounds each once.
            DoubleConsumer rounded =
                    dtype == DType.F16 ? value -> writer.put(half(name, value)) : value -> writer.put((float) value);
            TensorFile.Part values = (part, count) -> {
                for (int i = 0; i < count; i++) {
                    rounded.accept(part[i]);
                }
            };
            Adapted module = adapted.get(name);
            if (module != null) {
                variant.merge(module.module(), module.settings(), adapter, base.floats(name), rounded);
            } else if (adapter.contains(name)) {
                values.take(adapter.view(name), adapter.view(name).length);
            } else {
                base.read(name, values);
            }
        });
    }

    private static short half(String name, double value) {
        short rounded = HalfFloats.toF16(value);
        if (!Float.isFinite(HalfFloats.fromF16(rounded))) {
            throw new ModelException(
                    "model.float16",
                    "'" + name + "' holds " + value
                            + ", but the largest value of float16 is 65504; give --dtype float32");
        }
        return rounded;
    }

    @Override
    public void close() {
        base.close();
    }
}
