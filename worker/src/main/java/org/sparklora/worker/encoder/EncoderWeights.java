package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.Closeable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.pickle.TorchFileException;
import org.sparklora.worker.safetensors.SafetensorsException;

/**
 * The weights of a model directory by Hugging Face's names of today, whatever spelling and files it has, checked against what
 * its encoder needs. Whoever opens them closes them; arrays that were loaded outlive them.
 */
public final class EncoderWeights implements Closeable {

    private static final int SHOWN = 3;

    private final WeightFiles files;
    private final SortedMap<String, String> inFile;

    private EncoderWeights(WeightFiles files, SortedMap<String, String> inFile) {
        this.files = files;
        this.inFile = inFile;
    }

    /** Opens the weights of a model directory; refuses files that lack a weight, or have one of another shape. */
    public static EncoderWeights open(Path directory, Encoder encoder) {
        WeightFiles files = WeightFiles.open(directory);
        try {
            SortedMap<String, String> inFile = new TreeMap<>();
            for (String name : files.names()) {
                encoder.canonicalName(name).ifPresent(canonical -> inFile.put(canonical, name));
            }
            check(files, inFile, encoder);
            Set<String> wanted =
                    encoder.weights().stream().map(TensorSpec::name).collect(Collectors.toSet());
            // Buffers of the encoder that are no weights may be of any type.
            inFile.keySet().removeIf(name -> !wanted.contains(name) && encoder.stageOf(name) != encoder.stages());
            return new EncoderWeights(files, inFile);
        } catch (RuntimeException e) {
            files.close();
            throw e;
        }
    }

    private static void check(WeightFiles files, SortedMap<String, String> inFile, Encoder encoder) {
        List<String> problems = new ArrayList<>();
        for (TensorSpec wanted : encoder.weights()) {
            String name = inFile.get(wanted.name());
            if (name == null) {
                problems.add("'" + wanted.name() + "' is missing");
            } else if (!files.shape(name).equals(wanted.shape())) {
                problems.add("'" + name + "' has shape " + files.shape(name) + ", but config.json asks for "
                        + wanted.shape());
            }
        }
        if (!problems.isEmpty()) {
            String more = problems.size() > SHOWN ? " and " + (problems.size() - SHOWN) + " more" : "";
            throw new ModelException(files.file() + " does not fit its config.json: "
                    + String.join("; ", problems.subList(0, Math.min(SHOWN, problems.size()))) + more
                    + "; config.json and " + files.file().getFileName() + " must come from the same model");
        }
    }

    /** Names of the weights that fine-tuning uses, in order. */
    public SortedSet<String> names() {
        return new TreeSet<>(inFile.keySet());
    }

    /** Values of a weight as float32, row-major in its shape; a copy. */
    public float[] floats(String name) {
        try {
            return files.floats(nameInFile(name));
        } catch (SafetensorsException | TorchFileException e) {
            throw new ModelException(String.valueOf(e.getMessage()), e);
        }
    }

    /** A weight in the engine's memory; owned by {@code manager}. */
    NDArray load(NDManager manager, String name) {
        try {
            return files.load(manager, nameInFile(name));
        } catch (SafetensorsException | TorchFileException e) {
            throw new ModelException(String.valueOf(e.getMessage()), e);
        }
    }

    private String nameInFile(String name) {
        String inThisFile = inFile.get(name);
        if (inThisFile == null) {
            throw new IllegalArgumentException("the base model has no weight '" + name + "'");
        }
        return inThisFile;
    }

    @Override
    public void close() {
        files.close();
    }
}
