package org.sparklora.worker.encoder;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.SafetensorsException;
import org.sparklora.worker.safetensors.SafetensorsFile;

/**
 * The open weights file of a model directory, by Hugging Face's names of today whatever spelling the file uses, checked
 * against what its encoder needs. Reads without the engine. Whoever opens it closes it.
 */
public final class WeightsFile implements Closeable {

    private static final String NAME = "model.safetensors";

    private final SafetensorsFile file;
    private final SortedMap<String, String> inFile;

    private WeightsFile(SafetensorsFile file, SortedMap<String, String> inFile) {
        this.file = file;
        this.inFile = inFile;
    }

    /** Opens the weights of a model directory; refuses a file that lacks a weight, or has one of another shape. */
    public static WeightsFile open(Path directory, Encoder encoder) {
        Path path = path(directory);
        SafetensorsFile file;
        try {
            file = SafetensorsFile.open(path);
        } catch (SafetensorsException e) {
            throw new ModelException(String.valueOf(e.getMessage()), e);
        }
        try {
            SortedMap<String, String> inFile = new TreeMap<>();
            for (String name : file.names()) {
                encoder.canonicalName(name).ifPresent(canonical -> inFile.put(canonical, name));
            }
            check(path, file, inFile, encoder);
            return new WeightsFile(file, inFile);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static void check(Path path, SafetensorsFile file, SortedMap<String, String> inFile, Encoder encoder) {
        List<String> problems = new ArrayList<>();
        for (TensorSpec wanted : encoder.weights()) {
            String name = inFile.get(wanted.name());
            if (name == null) {
                problems.add("'" + wanted.name() + "' is missing");
            } else if (!file.shape(name).equals(wanted.shape())) {
                problems.add("'" + name + "' has shape " + file.shape(name) + ", but config.json asks for "
                        + wanted.shape());
            }
        }
        if (!problems.isEmpty()) {
            String more = problems.size() > 3 ? " and " + (problems.size() - 3) + " more" : "";
            throw new ModelException(path + " does not fit its config.json: "
                    + String.join("; ", problems.subList(0, Math.min(3, problems.size()))) + more
                    + "; config.json and model.safetensors must come from the same model");
        }
    }

    /** SHA-256 of the weights file of a model directory, hexadecimal. */
    static String sha256(Path directory) {
        Path file = path(directory);
        try (InputStream in = Files.newInputStream(file);
                DigestInputStream digest = new DigestInputStream(in, MessageDigest.getInstance("SHA-256"))) {
            digest.transferTo(java.io.OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(digest.getMessageDigest().digest());
        } catch (IOException e) {
            throw new ModelException(file + " cannot be read: " + e.getMessage(), e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path path(Path directory) {
        Path file = directory.resolve(NAME);
        if (!Files.isRegularFile(file)) {
            String instead = Files.exists(directory.resolve("pytorch_model.bin"))
                    ? "; pytorch_model.bin is not read: save the model with safe_serialization=True"
                    : "; a Hugging Face model directory holds it beside config.json";
            throw new ModelException(directory + " has no " + NAME + instead);
        }
        return file;
    }

    /** Names of the weights that fine-tuning uses, in order. */
    public SortedSet<String> names() {
        return new TreeSet<>(inFile.keySet());
    }

    /** Values of a weight as float32, row-major. */
    public float[] floats(String name) {
        return file.floats(nameInFile(name));
    }

    List<Integer> shape(String name) {
        return file.shape(nameInFile(name));
    }

    DType dtype(String name) {
        return file.dtype(nameInFile(name));
    }

    ByteBuffer map(String name) {
        return file.map(nameInFile(name));
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
        file.close();
    }
}
