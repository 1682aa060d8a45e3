package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
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
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.TensorFile;

/**
 * The weights of a Hugging Face directory, in the first of these that exists, in the order of transformers: {@code
 * model.safetensors}, {@code model.safetensors.index.json} with the files it names, {@code pytorch_model.bin}, {@code
 * pytorch_model.bin.index.json} with the files it names.
 *
 * <p>The caller closes them; arrays that were loaded outlive them.
 */
final class WeightFiles implements Closeable {

    private static final String INDEX = ".index.json";
    private static final List<String> SINGLE = List.of("model.safetensors", "pytorch_model.bin");

    /** model.safetensors or pytorch_model.bin, or the index of one. */
    private final Path main;

    private final Map<Path, TensorFile> files = new LinkedHashMap<>();

    /** The file of each tensor. */
    private final Map<String, TensorFile> byName = new TreeMap<>();

    private WeightFiles(Path main) {
        this.main = main;
    }

    /** Opens the files of a directory; no tensor is read. */
    static WeightFiles open(Path directory) {
        WeightFiles weights = new WeightFiles(main(directory));
        try {
            weights.openAll();
            return weights;
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private void openAll() {
        if (!isIndex(main)) {
            TensorFile only = opened(main);
            only.names().forEach(name -> byName.put(name, only));
            return;
        }
        index(main).forEach((name, file) -> {
            TensorFile part = opened(file);
            if (!part.names().contains(name)) {
                throw bad(main, "says that '" + name + "' is in " + file.getFileName() + ", but it is not");
            }
            byName.put(name, part);
        });
    }

    private TensorFile opened(Path file) {
        TensorFile known = files.get(file);
        if (known == null) {
            known = main.getFileName().toString().startsWith("pytorch_model")
                    ? TorchFile.open(file, Content.MODEL)
                    : SafetensorsFile.open(file);
            files.put(file, known);
        }
        return known;
    }

    /** The file, or index, that says what the weights are. */
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
                "model.directory",
                directory + " has no model.safetensors, pytorch_model.bin or index of several such files;"
                        + " a Hugging Face model directory holds one of them beside config.json");
    }

    private static boolean isIndex(Path file) {
        return file.getFileName().toString().endsWith(INDEX);
    }

    /** The file of each tensor; all files are in the index's own directory. */
    private static Map<String, Path> index(Path index) {
        JsonNode map = EncoderConfig.object(index).path("weight_map");
        if (!map.isObject()) {
            throw bad(index, "holds no weight_map");
        }
        Map<String, Path> files = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry : map.properties()) {
            String name = entry.getValue().asText();
            Path file = index.resolveSibling(name);
            if (!name.equals(String.valueOf(file.getFileName())) || name.equals("..")) {
                throw bad(index, "names the file '" + name + "', but all files must be in its own directory");
            }
            if (!Files.isRegularFile(file)) {
                throw bad(index, "names the file '" + name + "', which is missing");
            }
            files.put(entry.getKey(), file);
        }
        return files;
    }

    private static ModelException bad(Path index, String problem) {
        return new ModelException("model.index", index + " " + problem + "; copy the model directory again");
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
        return file(name).shape(name);
    }

    /** Values of a tensor as float32, row-major. */
    float[] floats(String name) {
        return file(name).floats(name);
    }

    /** A tensor in the engine's memory; owned by {@code manager}. float32 weights of safetensors are the mapped file itself. */
    NDArray load(NDManager manager, String name) {
        TensorFile file = file(name);
        return file instanceof SafetensorsFile mapped && mapped.dtype(name) == DType.F32
                ? Tensors.wrap(manager, mapped.map(name), file.shape(name))
                : Tensors.floats(manager, file.floats(name), file.shape(name));
    }

    private TensorFile file(String name) {
        TensorFile file = byName.get(name);
        if (file == null) {
            throw new IllegalArgumentException(main + " holds no tensor '" + name + "'");
        }
        return file;
    }

    /**
     * SHA-256 of the weights of a directory, hexadecimal: of the one file, or else of a list of the index and the
     * files that it names, each with its own SHA-256.
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
            throw new ModelException(
                    "model.unreadable", file + " cannot be read: " + e.getMessage() + "; check its permissions", e);
        }
    }

    @Override
    public void close() {
        files.values().forEach(TensorFile::close);
    }
}
