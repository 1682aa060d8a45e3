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
import java.util.concurrent.ConcurrentHashMap;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.engine.Torch;

/**
 * A frozen base model: its encoder and its weights by Hugging Face name. float32 weights of safetensors are the mapped file
 * itself, whose pages are shared between JVMs. float16 and bfloat16 are widened once; torch.save's weights are copied.
 *
 * <p>Read-only after loading, safe from any thread. The weights belong to the model's own manager.
 */
public final class BaseModel implements AutoCloseable {

    /** One per JVM, directory and head input, because weights are large and tasks are short. Never emptied. */
    private static final Map<Key, BaseModel> SHARED = new ConcurrentHashMap<>();

    private record Key(Path directory, HeadInput headInput, Kernel kernel) {}

    private final Path directory;
    private final Encoder encoder;
    private final Kernel kernel;
    private final NDManager manager;
    private final Map<String, NDArray> weights = new TreeMap<>();
    private final List<String> notes = new ArrayList<>();
    private final SortedMap<Integer, String> labels = new TreeMap<>();

    private BaseModel(Path directory, Encoder encoder, Kernel kernel, NDManager manager) {
        this.directory = directory;
        this.encoder = encoder;
        this.kernel = kernel;
        this.manager = manager;
    }

    /** The model of a directory for heads with this input, loaded once per JVM and shared. Do not close it. */
    public static BaseModel shared(Path directory, HeadInput headInput, Kernel kernel) {
        Key key = new Key(directory.toAbsolutePath().normalize(), headInput, kernel);
        return SHARED.computeIfAbsent(key, k -> open(k.directory(), k.headInput(), k.kernel()));
    }

    /** The same with oneDNN. */
    public static BaseModel shared(Path directory, HeadInput headInput) {
        return shared(directory, headInput, Kernel.ONEDNN);
    }

    /** The same for heads that read the first token. */
    public static BaseModel shared(Path directory) {
        return shared(directory, HeadInput.FIRST_TOKEN);
    }

    /** Loads a Hugging Face directory for heads that read the first token; the caller closes the model. */
    public static BaseModel open(Path directory) {
        return open(directory, HeadInput.FIRST_TOKEN, Kernel.ONEDNN);
    }

    /**
     * Loads a Hugging Face directory; the caller closes the model.
     *
     * @throws ModelException if files are missing or the architecture is not supported
     */
    public static BaseModel open(Path directory, HeadInput headInput, Kernel kernel) {
        try (EncoderWeights files = EncoderWeights.open(directory, headInput)) {
            Torch.prepareThread();
            BaseModel model = new BaseModel(directory, files.encoder(), kernel, Torch.newManager());
            model.notes.addAll(files.notes());
            model.labels.putAll(files.labels());
            try {
                files.names().forEach(name -> model.weights.put(name, files.load(model.manager, name)));
                return model;
            } catch (RuntimeException e) {
                model.close();
                throw e;
            }
        }
    }

    /** SHA-256 of the weights of a model directory, hexadecimal: of the one file, or of several files together. */
    public static String sha256(Path directory) {
        return EncoderWeights.sha256(directory);
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

    /** The library that multiplies its matrices. */
    public Kernel kernel() {
        return kernel;
    }

    /** The architecture and sizes, for one kind of head input. */
    public Encoder encoder() {
        return encoder;
    }

    /**
     * The weight of this Hugging Face name, in the checkpoint's shape. Do not close it.
     *
     * @throws IllegalArgumentException if no weight has that name
     */
    public NDArray weight(String name) {
        NDArray weight = weights.get(name);
        if (weight == null) {
            throw new IllegalArgumentException("the base model has no weight '" + name + "'");
        }
        return weight;
    }

    /** A tensor that not every checkpoint has, such as a trained classifier. */
    public Optional<NDArray> optional(String name) {
        return Optional.ofNullable(weights.get(name));
    }

    @Override
    public void close() {
        manager.close();
    }
}
