package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.pickle.TorchFile;
import org.sparklora.worker.pickle.TorchFile.Content;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.TensorFile;

/**
 * The weights of a Hugging Face directory, by Hugging Face's current names whatever spelling the files use, checked against what
 * their encoder needs. They are in the first of these that exists, in the order of transformers: {@code model.safetensors},
 * {@code model.safetensors.index.json} with the files it names, {@code pytorch_model.bin}, {@code
 * pytorch_model.bin.index.json} with the files it names.
 *
 * <p>The caller closes them; arrays that were loaded outlive them.
 */
public final class EncoderWeights implements Closeable {

    private static final int MAX_SHOWN = 3;
    private static final String INDEX = ".index.json";
    private static final String POOLER = "pooler.dense.weight";

    /** model.safetensors or pytorch_model.bin, or the index of one. */
    private final Path main;

    private final Map<Path, TensorFile> files = new LinkedHashMap<>();
    private final List<FileStamp> stamps = new ArrayList<>();
    private final SortedMap<String, Weight> weights = new TreeMap<>();

    /** What a user should know about the weights, one line each. */
    private final List<String> notes = new ArrayList<>();

    /** A tensor by its name in its file. */
    private record Weight(TensorFile file, String name) {}

    private final Encoder encoder;
    private final SortedMap<Integer, String> labels;

    private EncoderWeights(Path main, EncoderConfig config, HeadInput headInput) {
        this.main = main;
        this.labels = config.labels();
        try {
            Map<String, TensorFile> byName = tensors();
            refuseAdapted(byName.keySet());
            boolean pooler = byName.keySet().stream().anyMatch(name -> name.endsWith(POOLER));
            this.encoder = Architectures.of(config, headInput, pooler);
            this.notes.addAll(config.notes());
            keepWeights(byName);
            if (!pooler && encoder.head().modules().contains("pooler")) {
                notes.add(main.getFileName()
                        + " has no pooler, as a masked language model; a new one is trained and saved with"
                        + " the head");
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /**
     * Opens the weights of a model directory; refuses files without a weight or with a wrong shape. No tensor is read.
     *
     * @param headInput what heads will read
     */
    public static EncoderWeights open(Path directory, HeadInput headInput) {
        EncoderConfig config = EncoderConfig.read(directory);
        return new EncoderWeights(main(directory), config, headInput);
    }

    private void keepWeights(Map<String, TensorFile> byName) {
        String prefix = wrapperPrefix(byName.keySet());
        byName.forEach((name, file) -> encoder.canonicalName(name.substring(prefix.length()))
                .ifPresent(canonical -> weights.put(canonical, new Weight(file, name))));
        check(encoder.weights());
        Set<String> wanted = encoder.weights().stream().map(TensorSpec::name).collect(Collectors.toSet());
        // Buffers of the encoder are not weights and may have any type.
        weights.keySet().removeIf(name -> !wanted.contains(name) && encoder.layerIndex(name) != encoder.headIndex());
    }

    private Map<String, TensorFile> tensors() {
        Map<String, TensorFile> byName = new TreeMap<>();
        if (isIndex(main)) {
            index(main).forEach((name, path) -> {
                TensorFile file = files.computeIfAbsent(path, this::openFile);
                if (!file.names().contains(name)) {
                    throw bad(main, "says that '" + name + "' is in " + path.getFileName() + ", but it is not");
                }
                byName.put(name, file);
            });
        } else {
            TensorFile file = files.computeIfAbsent(main, this::openFile);
            file.names().forEach(name -> byName.put(name, file));
        }
        return byName;
    }

    /**
     * The prefix that a wrapper put before every name: {@code module.} by DataParallel, {@code _orig_mod.} by torch.compile,
     * {@code base_model.model.} by PEFT. Empty without a wrapper.
     */
    private String wrapperPrefix(Set<String> names) {
        String own = encoder.words();
        String bare = own.substring(own.indexOf('.') + 1);
        Pattern words = Pattern.compile("(|.*?\\.)(" + Pattern.quote(own) + "|" + Pattern.quote(bare) + ")");
        List<String> prefixes = names.stream()
                .map(words::matcher)
                .filter(Matcher::matches)
                .map(found -> found.group(1))
                .toList();
        if (prefixes.isEmpty() || prefixes.contains("")) {
            return "";
        }
        String prefix = prefixes.get(0);
        names.stream().filter(name -> !name.startsWith(prefix)).findFirst().ifPresent(other -> {
            throw new ModelException(
                    "model.weights",
                    main + ": the encoder's names begin with '" + prefix + "', but '" + other
                            + "' does not; save the encoder alone, without its wrapper");
        });
        notes.add(main.getFileName() + ": all names begin with '" + prefix
                + "', which a wrapper of the model has added; they are read without it");
        return prefix;
    }

    private void refuseAdapted(Set<String> names) {
        names.stream().filter(name -> name.contains(".lora_A.")).findFirst().ifPresent(name -> {
            throw new ModelException(
                    "model.weights",
                    main + " holds LoRA weights ('" + name + "') inside the base model; merge them with PEFT's"
                            + " merge_and_unload() and save the result");
        });
    }

    private TensorFile openFile(Path file) {
        stamps.add(FileStamp.of(file));
        return main.getFileName().toString().startsWith("pytorch_model")
                ? TorchFile.open(file, Content.MODEL)
                : SafetensorsFile.open(file);
    }

    private void check(List<TensorSpec> wanted) {
        List<String> problems = new ArrayList<>();
        for (TensorSpec tensor : wanted) {
            Weight found = weights.get(tensor.name());
            if (found == null) {
                problems.add("'" + tensor.name() + "' is missing");
            } else if (!found.file.shape(found.name).equals(tensor.shape())) {
                problems.add("'" + found.name + "' has shape " + found.file.shape(found.name)
                        + ", but config.json needs " + tensor.shape());
            }
        }
        if (!problems.isEmpty()) {
            String more = problems.size() > MAX_SHOWN ? " and " + (problems.size() - MAX_SHOWN) + " more" : "";
            throw new ModelException(
                    "model.weights",
                    main + " does not fit " + main.resolveSibling("config.json") + ": "
                            + String.join("; ", problems.subList(0, Math.min(MAX_SHOWN, problems.size()))) + more
                            + "; config.json and " + main.getFileName() + " must come from the same model");
        }
    }

    /** The file, or index, that says what the weights are. */
    private static Path main(Path directory) {
        for (String single : List.of("model.safetensors", "pytorch_model.bin")) {
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

    /** The encoder that config.json describes and these weights fill. */
    public Encoder encoder() {
        return encoder;
    }

    /** Label names of the checkpoint's own head by output, from config.json; may be empty. */
    SortedMap<Integer, String> labels() {
        return labels;
    }

    /** What a user should know about the files, one line each; empty for an ordinary checkpoint. */
    public List<String> notes() {
        return List.copyOf(notes);
    }

    /** Names of the weights that fine-tuning uses, in order. */
    public SortedSet<String> names() {
        return new TreeSet<>(weights.keySet());
    }

    /** Values of a weight as float32, row-major in its shape; a copy. For weights of Linears, which fit into memory. */
    public float[] floats(String name) {
        Weight weight = weight(name);
        return weight.file.floats(weight.name);
    }

    /** The same in parts of a bounded size. */
    public void read(String name, TensorFile.Part into) {
        Weight weight = weight(name);
        weight.file.read(weight.name, into);
    }

    /** A weight in the engine's memory; owned by {@code manager}. float32 weights of safetensors are the mapped file itself. */
    NDArray load(NDManager manager, String name) {
        Weight weight = weight(name);
        List<Integer> shape = weight.file.shape(weight.name);
        if (weight.file instanceof SafetensorsFile mapped && mapped.dtype(weight.name) == DType.F32) {
            return Tensors.wrap(manager, mapped.map(weight.name), shape);
        }
        Tensors.Filling filling = new Tensors.Filling(manager, shape);
        weight.file.read(weight.name, filling::put);
        return filling.array();
    }

    /** Stamps of the open files, which {@link #load} may map. */
    List<FileStamp> stamps() {
        return stamps;
    }

    private Weight weight(String name) {
        Weight weight = weights.get(name);
        if (weight == null) {
            throw new IllegalArgumentException("the base model has no weight '" + name + "'");
        }
        return weight;
    }

    /**
     * SHA-256 of the weights of a directory, hexadecimal: of the one file, or else of a list of the index and the files that it
     * names, each with its own SHA-256.
     */
    public static String sha256(Path directory) {
        Path main = main(directory);
        if (!isIndex(main)) {
            return fileSha256(main);
        }
        return Sha256.hex(weightFiles(directory).stream()
                .map(file -> fileSha256(file) + "  " + file.getFileName() + "\n")
                .collect(Collectors.joining()));
    }

    /** Every file of a directory that decides what its model computes. */
    static List<Path> files(Path directory) {
        List<Path> files = weightFiles(directory);
        files.add(directory.resolve("config.json"));
        return files;
    }

    /** The one file, or the files that an index names and the index. */
    static List<Path> weightFiles(Path directory) {
        Path main = main(directory);
        List<Path> files =
                isIndex(main) ? new ArrayList<>(new TreeSet<>(index(main).values())) : new ArrayList<>();
        files.add(main);
        return files;
    }

    private static String fileSha256(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return Sha256.hex(in);
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
