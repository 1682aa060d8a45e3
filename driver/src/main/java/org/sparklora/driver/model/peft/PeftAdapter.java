package org.sparklora.driver.model.peft;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.lora.LoraVariants;
import org.sparklora.worker.pickle.TorchFile;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.safetensors.TensorFile;

/**
 * An adapter that PEFT (0.3.0 or later) or spark-lora saved.
 *
 * @param config adapter_config.json
 * @param tensors by canonical name: {@code <module>.lora_A.weight} [r, in], {@code <module>.lora_B.weight} [out, r], those of tables of
 *     embeddings ({@code <module>.lora_embedding_A} [r, rows], {@code <module>.lora_embedding_B} [width, r]),
 *     {@code <module>.bias}, and the head's, e.g. {@code classifier.weight}
 */
public record PeftAdapter(PeftConfig config, SortedMap<String, Tensor> tensors) {

    static final String CONFIG = "adapter_config.json";
    static final String SAFETENSORS = "adapter_model.safetensors";
    static final String PICKLE = "adapter_model.bin";

    public PeftAdapter {
        tensors = Collections.unmodifiableSortedMap(new TreeMap<>(tensors));
    }

    /** Reads a PEFT directory: adapter_model.safetensors if it exists, else adapter_model.bin. */
    public static PeftAdapter read(Path dir) {
        Path configFile = dir.resolve(CONFIG);
        if (!Files.isRegularFile(configFile)) {
            String problem = ": there is no " + CONFIG + "; a PEFT adapter directory has one, check the path";
            throw new PeftException("adapter.missing", dir + problem);
        }
        PeftConfig config = PeftConfigReader.read(configFile);
        for (String name : List.of(SAFETENSORS, PICKLE)) {
            Path path = dir.resolve(name);
            if (Files.isRegularFile(path)) {
                try (TensorFile file = name.equals(PICKLE)
                        ? TorchFile.open(path, TorchFile.Content.ADAPTER)
                        : SafetensorsFile.open(path)) {
                    PeftAdapter adapter = new PeftAdapter(config, canonical(path, file.tensors()));
                    adapter.checkModules(path);
                    return adapter;
                }
            }
        }
        String files = SAFETENSORS + " nor " + PICKLE + " next to " + CONFIG;
        throw new PeftException("adapter.missing", dir + ": there is neither " + files + "; copy the adapter again");
    }

    /** Full names of the adapted modules, in order. */
    public List<String> modules() {
        return tensors.keySet().stream()
                .flatMap(name -> module(name).stream())
                .sorted()
                .toList();
    }

    /** The module that a tensor is the A of. */
    private Optional<String> module(String name) {
        int end = name.lastIndexOf(".lora_");
        return Optional.of(name.substring(0, Math.max(0, end)))
                .filter(module -> end >= 0 && name.equals(matrix(module, "A")));
    }

    /** r of an adapted module: the number of rows of its A. */
    public int rank(String module) {
        return require(matrix(module, "A")).shape().get(0);
    }

    /** alpha of an adapted module. */
    public double alpha(String module) {
        return config.ranks().alpha(module);
    }

    /** The values alone. */
    public AdapterSnapshot snapshot() {
        SortedMap<String, float[]> values = new TreeMap<>();
        tensors.forEach((name, tensor) -> values.put(name, tensor.values()));
        return new AdapterSnapshot(values);
    }

    private static SortedMap<String, Tensor> canonical(Path file, SortedMap<String, Tensor> raw) {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        SortedMap<String, String> spelling = new TreeMap<>();
        for (Map.Entry<String, Tensor> e : raw.entrySet()) {
            PeftKeys.canonical(file.toString(), e.getKey()).ifPresent(name -> {
                Tensor other = tensors.put(name, e.getValue());
                String before = spelling.put(name, e.getKey());
                // One file serves both PEFT versions by holding the same value under two spellings.
                if (other != null && !other.equals(e.getValue())) {
                    String both = "'" + before + "' and '" + e.getKey() + "' are two spellings of one tensor, but";
                    throw wrong(file, both + " their values differ; remove the wrong one");
                }
            });
        }
        return tensors;
    }

    private void checkModules(Path file) {
        for (String name : tensors.keySet()) {
            for (String suffix : LoraVariants.suffixes()) {
                if (name.endsWith(suffix)) {
                    requireAll(file, name, suffix);
                }
            }
        }
        for (String module : modules()) {
            List<Integer> a = require(matrix(module, "A")).shape();
            List<Integer> b = require(matrix(module, "B")).shape();
            if (a.size() != 2 || b.size() != 2 || !a.get(0).equals(b.get(1))) {
                String shapes = "' has A " + a + " and B " + b + ", but LoRA on a Linear needs [r, in] and [out, r]";
                throw wrong(file, "module '" + module + shapes);
            }
            // The config of another adapter would scale this one wrongly without any other sign; PEFT refuses it too.
            int rank = config.ranks().rank(module);
            if (rank != a.get(0)) {
                throw new PeftException(
                        "adapter.rank",
                        file + ": module '" + module + "' has rank " + a.get(0) + ", but " + CONFIG + " gives it r "
                                + rank + "; the two files belong to different adapters");
            }
        }
    }

    private void requireAll(Path file, String name, String its) {
        String module = name.substring(0, name.length() - its.length());
        List<String> suffixes = LoraVariants.suffixes(config.variant(), module);
        if (!suffixes.contains(its)) {
            String other = "' is not a tensor of the LoRA variant that " + CONFIG + " names";
            throw wrong(file, "'" + name + other + "; the two files belong to different adapters");
        }
        for (String suffix : suffixes) {
            if (!tensors.containsKey(module + suffix)) {
                String missing = "' has no '" + module + suffix + "' next to it; copy the adapter again";
                throw wrong(file, "'" + name + missing);
            }
        }
    }

    /** The name of a module's A or B in the variant. */
    private String matrix(String module, String matrix) {
        return LoraVariants.suffixes(config.variant(), module).stream()
                .filter(suffix -> suffix.matches("\\.lora_(embedding_)?" + matrix + "\\b.*"))
                .map(suffix -> module + suffix)
                .findFirst()
                .orElseThrow();
    }

    private static PeftException wrong(Path file, String what) {
        return new PeftException("adapter.tensor", file + ": " + what);
    }

    private Tensor require(String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("the adapter holds no tensor '" + name + "'");
        }
        return tensor;
    }
}
