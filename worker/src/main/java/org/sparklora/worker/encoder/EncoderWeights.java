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

/**
 * The weights of a model directory, by Hugging Face's current names whatever spelling and files the directory has, checked
 * against what its encoder needs. The caller closes them; arrays that were loaded outlive them.
 */
public final class EncoderWeights implements Closeable {

    private static final int MAX_SHOWN = 3;

    private final WeightFiles files;
    private final SortedMap<String, String> inFile;

    private EncoderWeights(WeightFiles files, SortedMap<String, String> inFile) {
        this.files = files;
        this.inFile = inFile;
    }

    /** Opens the weights of a model directory; refuses files without a weight or with a wrong shape. */
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
            // Buffers of the encoder are not weights and may have any type.
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
                problems.add(
                        "'" + name + "' has shape " + files.shape(name) + ", but config.json needs " + wanted.shape());
            }
        }
        if (!problems.isEmpty()) {
            String more = problems.size() > MAX_SHOWN ? " and " + (problems.size() - MAX_SHOWN) + " more" : "";
            throw new ModelException(
                    "model.weights",
                    files.file() + " does not fit its config.json: "
                            + String.join("; ", problems.subList(0, Math.min(MAX_SHOWN, problems.size()))) + more
                            + "; config.json and " + files.file().getFileName() + " must come from the same model");
        }
    }

    /** Names of the weights that fine-tuning uses, in order. */
    public SortedSet<String> names() {
        return new TreeSet<>(inFile.keySet());
    }

    /** Values of a weight as float32, row-major in its shape; a copy. */
    public float[] floats(String name) {
        return files.floats(nameInFile(name));
    }

    /** A weight in the engine's memory; owned by {@code manager}. */
    NDArray load(NDManager manager, String name) {
        return files.load(manager, nameInFile(name));
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
