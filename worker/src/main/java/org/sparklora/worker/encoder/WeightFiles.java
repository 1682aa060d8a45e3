package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.pickle.TorchFile;
import org.sparklora.worker.pickle.TorchFile.Content;
import org.sparklora.worker.pickle.TorchFileException;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.SafetensorsException;
import org.sparklora.worker.safetensors.SafetensorsFile;

/**
 * The weights of a Hugging Face directory, in the first of these that is there, as transformers looks for them: {@code
 * model.safetensors}, {@code model.safetensors.index.json} with the files it names, {@code pytorch_model.bin}, {@code
 * pytorch_model.bin.index.json} with the files it names.
 *
 * <p>Whoever opens them closes them; arrays that were loaded outlive them.
 */
final class WeightFiles implements Closeable {

    private static final String INDEX = ".index.json";
    private static final List<String> SINGLE = List.of("model.safetensors", "pytorch_model.bin");

    /** model.safetensors, its index, or the same of pytorch_model.bin. */
    private final Path main;

    private final Map<Path, Weights> files = new LinkedHashMap<>();

    /** Which file each tensor is in. */
    private final Map<String, Weights> byName = new TreeMap<>();

    private WeightFiles(Path main) {
        this.main = main;
    }

    /** One file's tensors. */
    private interface Weights extends Closeable {

        SortedSet<String> names();

        List<Integer> shape(String name);

        /** Values as float32, row-major. */
        float[] floats(String name);

        /** float32 weights of safetensors are the mapped file itself; others are copied, widened where they are narrower. */
        NDArray load(NDManager manager, String name);
    }

    /** Opens the files of a directory; no tensor is read. */
    static WeightFiles open(Path directory) {
        WeightFiles weights = new WeightFiles(main(directory));
        try {
            weights.openAll();
            return weights;
        } catch (SafetensorsException | TorchFileException e) {
            weights.close();
            throw new ModelException(String.valueOf(e.getMessage()), e);
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private void openAll() {
        if (!isIndex(main)) {
            Weights only = open(main, main);
            only.names().forEach(name -> byName.put(name, only));
            return;
        }
        index(main).forEach((name, file) -> {
            Weights part = open(file, main);
            if (!part.names().contains(name)) {
                throw new ModelException(main + " says that '" + name + "' is in " + file.getFileName()
                        + ", but it is not; copy the model directory again");
            }
            byName.put(name, part);
        });
    }

    private Weights open(Path file, Path whole) {
        Weights known = files.get(file);
        if (known == null) {
            known = whole.getFileName().toString().startsWith("pytorch_model")
                    ? new OfTorch(TorchFile.open(file, Content.MODEL))
                    : new OfSafetensors(SafetensorsFile.open(file));
            files.put(file, known);
        }
        return known;
    }

    /** The file that says what the weights are. */
    private static Path main(Path directory) {
        for (String single : SINGLE) {
            for (String name : List.of(single, single + INDEX)) {
                Path file = directory.resolve(name);
                if (Files.isRegularFile(file)) {
                    return file;
                }
            }
        }
        throw new ModelException(
                directory + " has no model.safetensors, pytorch_model.bin or index of several such files;"
                        + " a Hugging Face model directory holds one of them beside config.json");
    }

    private static boolean isIndex(Path file) {
        return file.getFileName().toString().endsWith(INDEX);
    }

    /** File of each tensor; all of them are in the index's own directory. */
    private static Map<String, Path> index(Path index) {
        Map<String, Path> files = new TreeMap<>();
        try {
            JsonObject json = JsonParser.parseString(Files.readString(index)).getAsJsonObject();
            for (Map.Entry<String, JsonElement> entry :
                    json.getAsJsonObject("weight_map").entrySet()) {
                String name = entry.getValue().getAsString();
                Path file = index.resolveSibling(name);
                if (!name.equals(String.valueOf(file.getFileName())) || name.equals("..")) {
                    throw new ModelException(index + " names the file '" + name
                            + "', but all files must be in its own directory; copy the model directory again");
                }
                if (!Files.isRegularFile(file)) {
                    throw new ModelException(index + " names the file '" + name
                            + "', which is not there; copy the model directory again");
                }
                files.put(entry.getKey(), file);
            }
        } catch (IOException e) {
            throw new ModelException(index + " cannot be read: " + e.getMessage() + "; check its permissions", e);
        } catch (JsonParseException | IllegalStateException | NullPointerException | UnsupportedOperationException e) {
            // A list where Gson was asked for an object, and the like.
            throw new ModelException(index + " holds no weight_map; copy the model directory again", e);
        }
        return files;
    }

    /** For messages: the file, or the index of the files. */
    Path file() {
        return main;
    }

    /** Names of all tensors. */
    SortedSet<String> names() {
        return new TreeSet<>(byName.keySet());
    }

    List<Integer> shape(String name) {
        return weights(name).shape(name);
    }

    /** Values of a tensor as float32, row-major. */
    float[] floats(String name) {
        return weights(name).floats(name);
    }

    /** A tensor in the engine's memory; owned by {@code manager}. */
    NDArray load(NDManager manager, String name) {
        return weights(name).load(manager, name);
    }

    private Weights weights(String name) {
        Weights weights = byName.get(name);
        if (weights == null) {
            throw new IllegalArgumentException(main + " knows no tensor '" + name + "'");
        }
        return weights;
    }

    /**
     * SHA-256 of the weights of a directory, hexadecimal: of the one file that there is, or else of a list of the index and
     * the files that it names, each with its own.
     */
    static String sha256(Path directory) {
        Path main = main(directory);
        if (!isIndex(main)) {
            return fileSha256(main);
        }
        List<Path> files = new ArrayList<>(new TreeSet<>(index(main).values()));
        files.add(main);
        StringBuilder list = new StringBuilder();
        for (Path file : files) {
            list.append(fileSha256(file))
                    .append("  ")
                    .append(file.getFileName())
                    .append('\n');
        }
        return Sha256.hex(list.toString());
    }

    private static String fileSha256(Path file) {
        try (InputStream in = Files.newInputStream(file);
                DigestInputStream digest = new DigestInputStream(in, Sha256.digest())) {
            digest.transferTo(OutputStream.nullOutputStream());
            return Sha256.hex(digest.getMessageDigest());
        } catch (IOException e) {
            throw new ModelException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        for (Weights file : files.values()) {
            try {
                file.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private record OfSafetensors(SafetensorsFile file) implements Weights {

        @Override
        public SortedSet<String> names() {
            return file.names();
        }

        @Override
        public List<Integer> shape(String name) {
            return file.shape(name);
        }

        @Override
        public float[] floats(String name) {
            return file.floats(name);
        }

        @Override
        public NDArray load(NDManager manager, String name) {
            return file.dtype(name) == DType.F32
                    ? Tensors.wrap(manager, file.map(name), shape(name))
                    : Tensors.floats(manager, file.floats(name), shape(name));
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }

    private record OfTorch(TorchFile file) implements Weights {

        @Override
        public SortedSet<String> names() {
            return file.names();
        }

        @Override
        public List<Integer> shape(String name) {
            return file.shape(name);
        }

        @Override
        public float[] floats(String name) {
            return file.floats(name);
        }

        @Override
        public NDArray load(NDManager manager, String name) {
            return Tensors.floats(manager, file.floats(name), shape(name));
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
