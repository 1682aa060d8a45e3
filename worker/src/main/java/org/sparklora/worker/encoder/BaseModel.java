package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.SafetensorsException;

/**
 * A frozen base model: its encoder and its weights by Hugging Face name. float32 weights are the mapped file itself
 * (pages are shared between JVMs); float16 and bfloat16 are widened once.
 *
 * <p>Read-only after loading, safe from any thread. The weights belong to the model's own manager.
 */
public final class BaseModel implements AutoCloseable {

    /** One per JVM and directory, because the weights are the large thing and tasks come and go. Never emptied. */
    private static final Map<Path, BaseModel> SHARED = new ConcurrentHashMap<>();

    private final Path directory;
    private final Encoder encoder;
    private final NDManager manager;
    private final Map<String, NDArray> weights = new TreeMap<>();

    private BaseModel(Path directory, Encoder encoder, NDManager manager) {
        this.directory = directory;
        this.encoder = encoder;
        this.manager = manager;
    }

    /** The model of a directory, loaded once per JVM and shared; never to be closed. */
    public static BaseModel shared(Path directory) {
        return SHARED.computeIfAbsent(directory.toAbsolutePath().normalize(), BaseModel::open);
    }

    /** Loads a Hugging Face directory; the caller closes the model. */
    public static BaseModel open(Path directory) {
        Encoder encoder = Architectures.of(EncoderConfig.read(directory));
        try (WeightsFile file = WeightsFile.open(directory, encoder)) {
            Torch.prepareThread();
            BaseModel model = new BaseModel(directory, encoder, Torch.newManager());
            try {
                file.names().forEach(name -> model.weights.put(name, model.load(file, name)));
                return model;
            } catch (SafetensorsException e) {
                model.close();
                throw new ModelException(String.valueOf(e.getMessage()), e);
            } catch (RuntimeException e) {
                model.close();
                throw e;
            }
        }
    }

    /** SHA-256 of the weights file of a model directory, hexadecimal. */
    public static String sha256(Path directory) {
        return WeightsFile.sha256(directory);
    }

    public Path directory() {
        return directory;
    }

    public Encoder encoder() {
        return encoder;
    }

    /** The weight of this name. */
    public NDArray weight(String name) {
        NDArray weight = weights.get(name);
        if (weight == null) {
            throw new IllegalArgumentException("the base model has no weight '" + name + "'");
        }
        return weight;
    }

    /** A tensor that the checkpoint may or may not bring, such as a trained classifier. */
    public Optional<NDArray> optional(String name) {
        return Optional.ofNullable(weights.get(name));
    }

    private NDArray load(WeightsFile file, String name) {
        List<Integer> shape = file.shape(name);
        return file.dtype(name) == DType.F32
                ? Tensors.wrap(manager, file.map(name), shape)
                : Tensors.floats(manager, file.floats(name), shape);
    }

    @Override
    public void close() {
        manager.close();
    }
}
