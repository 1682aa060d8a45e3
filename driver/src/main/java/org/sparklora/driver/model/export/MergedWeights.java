package org.sparklora.driver.model.export;

import java.io.Closeable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Architectures;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderWeights;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.HalfFloats;

/**
 * A base model with an adapter merged into it: every weight of the encoder by its Hugging Face name, and the head. Tensors
 * are computed when asked for; none is kept. Reads the base's file, and so must be closed.
 */
public final class MergedWeights implements Closeable {

    private static final String WEIGHT = ".weight";

    private final Path directory;
    private final Encoder encoder;
    private final EncoderWeights base;
    private final AdapterSnapshot adapter;
    private final SortedMap<String, List<Integer>> shapes = new TreeMap<>();
    private final Map<String, Pair> pairs = new TreeMap<>();

    /** A module whose pair is not dormant. */
    private record Pair(LoraModule module, double scaling) {}

    private MergedWeights(
            Path directory, Encoder encoder, EncoderWeights base, ManifestFile manifest, AdapterSnapshot adapter) {
        this.directory = directory;
        this.encoder = encoder;
        this.base = base;
        this.adapter = adapter;
        for (TensorSpec weight : encoder.weights()) {
            shapes.put(weight.name(), weight.shape());
        }
        // A checkpoint may bring a head of its own; it is the run's that counts.
        manifest.manifest().head().forEach(tensor -> shapes.put(tensor.name(), tensor.shape()));
        for (LoraGroup group : manifest.manifest().groups()) {
            if (manifest.state().of(group.name()) != GroupState.DORMANT) {
                boolean stabilized = group.settings().rankStabilized();
                group.modules().forEach(m -> pairs.put(m.path() + WEIGHT, new Pair(m, m.scaling(stabilized))));
            }
        }
    }

    /**
     * Opens a base model for merging.
     *
     * @param directory the base model's
     * @param reading what the head reads
     * @param adapter every tensor of the groups that are not dormant, of the head, and trained biases
     */
    public static MergedWeights open(
            Path directory, HeadInput reading, ManifestFile manifest, AdapterSnapshot adapter) {
        return open(directory, Architectures.of(EncoderConfig.read(directory), reading), manifest, adapter);
    }

    static MergedWeights open(Path directory, Encoder encoder, ManifestFile manifest, AdapterSnapshot adapter) {
        return new MergedWeights(directory, encoder, EncoderWeights.open(directory, encoder), manifest, adapter);
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

    /** How many Linears have a pair merged into them. */
    public int mergedModules() {
        return pairs.size();
    }

    /**
     * A tensor's bytes, little-endian, row-major.
     *
     * @param dtype F32 or F16
     * @throws ModelException for a value that the type cannot hold
     */
    public byte[] bytes(String name, DType dtype) {
        float[] values = adapter.contains(name) ? adapter.view(name) : base.floats(name);
        Rounding out = new Rounding(name, dtype, values.length);
        Pair pair = pairs.get(name);
        if (pair == null) {
            for (float value : values) {
                out.put(value);
            }
        } else {
            merge(values, pair, out);
        }
        return out.bytes.array();
    }

    private void merge(float[] weight, Pair pair, Rounding out) {
        LoraModule module = pair.module();
        int rank = module.loraRank();
        int in = module.inFeatures();
        float[] a = adapter.view(module.loraA());
        float[] b = adapter.view(module.loraB());
        double[] delta = new double[in];
        for (int row = 0; row < module.outFeatures(); row++) {
            Arrays.fill(delta, 0.0);
            for (int r = 0; r < rank; r++) {
                double factor = b[row * rank + r];
                for (int i = 0; i < in; i++) {
                    delta[i] += factor * a[r * in + i];
                }
            }
            for (int i = 0; i < in; i++) {
                out.put(weight[row * in + i] + delta[i] * pair.scaling());
            }
        }
    }

    @Override
    public void close() {
        base.close();
    }

    /** Takes values in double precision and rounds each once. */
    private static final class Rounding {

        private final String name;
        private final boolean half;
        private final ByteBuffer bytes;

        Rounding(String name, DType dtype, int values) {
            if (dtype != DType.F32 && dtype != DType.F16) {
                throw new IllegalArgumentException("models are written in F32 or F16, not in " + dtype);
            }
            this.name = name;
            this.half = dtype == DType.F16;
            this.bytes = ByteBuffer.allocate(Math.multiplyExact(values, dtype.bytes()))
                    .order(ByteOrder.LITTLE_ENDIAN);
        }

        void put(double value) {
            if (!half) {
                bytes.putFloat((float) value);
                return;
            }
            short rounded = HalfFloats.toF16(value);
            if (!Float.isFinite(HalfFloats.fromF16(rounded))) {
                throw new ModelException("'" + name + "' holds " + value
                        + ", which float16 cannot: its largest value is 65504; give --dtype float32");
            }
            bytes.putShort(rounded);
        }
    }
}
