package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.engine.Bfloat16;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.lora.Residual;

/**
 * A frozen base model: its encoder and its weights by Hugging Face name. In float32, weights of safetensors are the mapped file
 * itself, whose pages are shared between JVMs; float16 and bfloat16 are widened once, and torch.save's weights are copied. In
 * bfloat16, the weights that {@link Encoder#roundsToBfloat16} names are rounded once.
 *
 * <p>Read-only after loading, safe from any thread. The weights belong to the model's own manager.
 */
public final class BaseModel implements AutoCloseable {

    private final Path directory;
    private final Encoder encoder;
    private final Arithmetic arithmetic;
    private final String sha256;
    private final NDManager manager;
    private final Map<String, NDArray> weights = new TreeMap<>();
    private final Map<String, Bfloat16> rounded = new TreeMap<>();
    private final Residuals residuals;
    private final List<FileStamp> files = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private final SortedMap<Integer, String> labels = new TreeMap<>();
    private final Object identity = new Object();

    private BaseModel(Path directory, Encoder encoder, Arithmetic arithmetic, NDManager manager) {
        this.sha256 = sha256(directory);
        this.directory = directory;
        this.encoder = encoder;
        this.arithmetic = arithmetic;
        this.manager = manager;
        this.residuals = new Residuals(this, manager);
    }

    /**
     * The model of a directory for heads with this input, loaded once per JVM and shared. Do not close it: it is closed when
     * other models were asked for since and nothing refers to it.
     *
     * @param sha256 {@link #sha256} of the weights that the run began with
     * @throws ModelException if the directory holds other weights
     */
    public static BaseModel shared(Path directory, String sha256, HeadInput headInput, Arithmetic arithmetic) {
        return SharedModels.get(directory.toAbsolutePath().normalize(), sha256, headInput, arithmetic);
    }

    /** The same with the weights that are there now. */
    public static BaseModel shared(Path directory, HeadInput headInput, Arithmetic arithmetic) {
        // A directory that is no model is refused for what it lacks, before anything is read.
        EncoderConfig.read(directory);
        return shared(directory, sha256(directory), headInput, arithmetic);
    }

    /** The same with oneDNN in float32. */
    public static BaseModel shared(Path directory, HeadInput headInput) {
        return shared(directory, headInput, Arithmetic.DEFAULT);
    }

    /** The same for heads that read the first token. */
    public static BaseModel shared(Path directory) {
        return shared(directory, HeadInput.FIRST_TOKEN);
    }

    /** Loads a Hugging Face directory for heads that read the first token; the caller closes the model. */
    public static BaseModel open(Path directory) {
        return open(directory, HeadInput.FIRST_TOKEN, Arithmetic.DEFAULT);
    }

    /**
     * Loads a Hugging Face directory; the caller closes the model.
     *
     * @throws ModelException if files are missing or the architecture is not supported
     */
    public static BaseModel open(Path directory, HeadInput headInput, Arithmetic arithmetic) {
        try (EncoderWeights files = EncoderWeights.open(directory, headInput)) {
            Torch.prepareThread();
            BaseModel model = new BaseModel(directory, files.encoder(), arithmetic, Torch.newManager());
            model.files.addAll(files.stamps());
            model.notes.addAll(files.notes());
            model.labels.putAll(files.labels());
            try {
                files.names().forEach(name -> model.load(files, name));
                return model;
            } catch (RuntimeException e) {
                model.close();
                throw e;
            }
        }
    }

    private void load(EncoderWeights files, String name) {
        NDArray weight = files.load(manager, name);
        if (arithmetic.precision() == Precision.BFLOAT16 && encoder.roundsToBfloat16(name)) {
            try (weight) {
                rounded.put(name, Bfloat16.of(manager, weight));
            }
        } else {
            weights.put(name, weight);
        }
    }

    /** SHA-256 of the weights of a model directory, hexadecimal: of the one file, or of several files together. */
    public static String sha256(Path directory) {
        return SharedModels.sha256(directory);
    }

    /** The same of this model's weights. */
    public String sha256() {
        return sha256;
    }

    /** Whether nothing shows that the files in the directory are other ones than those that were loaded. */
    public boolean isCurrent() {
        return files.stream().allMatch(FileStamp::isCurrent);
    }

    /**
     * Refuses to compute with files that were replaced or written in place. Call it before weights are read, because reading
     * beyond the end of a shortened file ends the process, and before a result is used.
     *
     * @throws ModelException naming the directory
     */
    public void requireUnchanged() {
        // A mapped file that another one replaced cannot be checked; one with another time alone can.
        if (!isCurrent()
                && !(files.stream().allMatch(FileStamp::isInPlace)
                        && sha256(directory).equals(sha256))) {
            throw SharedModels.changed(directory, "a file of its weights was replaced or written in place");
        }
    }

    /**
     * Equal for what this model computed: its files, arithmetic and head input do not change. Whoever keeps it does not keep the model
     * open.
     */
    public Object identity() {
        return identity;
    }

    /** What to do to free the arrays; it does not refer to the model. */
    Runnable arrays() {
        return manager::close;
    }

    /** Label names of the checkpoint's own head by output, from config.json; may be empty. */
    public SortedMap<Integer, String> labels() {
        return Collections.unmodifiableSortedMap(labels);
    }

    /** What a user should know about the files of the model, one line each; empty for an ordinary checkpoint. */
    public List<String> notes() {
        return List.copyOf(notes);
    }

    /** The Hugging Face directory of the model. */
    public Path directory() {
        return directory;
    }

    /** How it computes. */
    public Arithmetic arithmetic() {
        return arithmetic;
    }

    /** A graph of one pass through this model, whose files are checked; see {@link Graph#of}. */
    public Graph graph(NDManager owner, boolean recording) {
        requireUnchanged();
        return Graph.of(owner, arithmetic.kernel(), recording);
    }

    /** The architecture and sizes, for one kind of head input. */
    public Encoder encoder() {
        return encoder;
    }

    /** The weight of this Hugging Face name in a pass, in the checkpoint's shape and the precision it is held in. */
    public Optional<Variable> weight(Graph graph, String name) {
        Bfloat16 half = rounded.get(name);
        return half == null
                ? Optional.ofNullable(weights.get(name)).map(graph::constant)
                : Optional.of(graph.constant(half));
    }

    /** What an adapter has left of a weight, in the precision of that weight; computed once in this JVM. */
    public Variable residual(Graph graph, String name, Residual residual) {
        return residuals.get(graph, name, residual);
    }

    /**
     * The same outside of a pass, for what is held in float32. Do not close it.
     *
     * @throws IllegalArgumentException if no weight of that name is held in float32
     */
    public NDArray weight(String name) {
        NDArray weight = weights.get(name);
        if (weight == null) {
            throw new IllegalArgumentException("the base model has no float32 weight '" + name + "'");
        }
        return weight;
    }

    /** Whether a weight is held in bfloat16. */
    public boolean isRounded(String name) {
        return rounded.containsKey(name);
    }

    /** The values of a weight in float32, row-major; those of a rounded one are read from the files again. */
    public float[] floats(String name) {
        requireUnchanged();
        if (!isRounded(name)) {
            return Tensors.toFloats(weight(name));
        }
        try (EncoderWeights source = EncoderWeights.open(directory, encoder.headInput())) {
            return source.floats(name);
        }
    }

    /** A tensor that not every checkpoint has, such as a trained classifier. */
    public Optional<NDArray> optional(String name) {
        requireUnchanged();
        return Optional.ofNullable(weights.get(name));
    }

    @Override
    public void close() {
        manager.close();
    }
}
