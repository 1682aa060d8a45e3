package org.sparklora.driver.model.peft;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.Tensor;

/**
 * An adapter that PEFT (0.3.0 or later) or spark-lora saved.
 *
 * @param config adapter_config.json
 * @param tensors by canonical name: {@code <module>.lora_A.weight} [r, in], {@code <module>.lora_B.weight} [out, r],
 *     {@code <module>.bias}, and the head's, e.g. {@code classifier.weight}
 */
public record PeftAdapter(PeftConfig config, SortedMap<String, Tensor> tensors) {

    static final String CONFIG = "adapter_config.json";
    static final String SAFETENSORS = "adapter_model.safetensors";
    static final String PICKLE = "adapter_model.bin";

    private static final String A = ".lora_A.weight";
    private static final String B = ".lora_B.weight";

    public PeftAdapter {
        tensors = Collections.unmodifiableSortedMap(new TreeMap<>(tensors));
    }

    /** Reads a PEFT directory: adapter_model.safetensors if it is there, else adapter_model.bin. */
    public static PeftAdapter read(Path dir) {
        Path configFile = dir.resolve(CONFIG);
        if (!Files.isRegularFile(configFile)) {
            throw new PeftException(
                    dir + ": there is no " + CONFIG + "; a PEFT adapter directory has one, check the path");
        }
        PeftConfig config = PeftConfigReader.read(configFile);
        Path safetensors = dir.resolve(SAFETENSORS);
        Path pickle = dir.resolve(PICKLE);
        SortedMap<String, Tensor> raw;
        Path file;
        if (Files.isRegularFile(safetensors)) {
            file = safetensors;
            raw = readSafetensors(safetensors);
        } else if (Files.isRegularFile(pickle)) {
            file = pickle;
            raw = TorchPickle.read(pickle);
        } else {
            throw new PeftException(dir + ": there is neither " + SAFETENSORS + " nor " + PICKLE + " next to " + CONFIG
                    + "; copy the adapter again");
        }
        PeftAdapter adapter = new PeftAdapter(config, canonical(file, raw));
        adapter.checkModules(file);
        return adapter;
    }

    /** Full names of the adapted modules, in order. */
    public List<String> modules() {
        return tensors.keySet().stream()
                .filter(name -> name.endsWith(A))
                .map(name -> name.substring(0, name.length() - A.length()))
                .sorted()
                .toList();
    }

    /** r of an adapted module: the number of rows of its A. */
    public int rank(String module) {
        return require(module + A).shape().get(0);
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

    private static SortedMap<String, Tensor> readSafetensors(Path path) {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            for (String name : file.names()) {
                tensors.put(name, file.tensor(name));
            }
        }
        return tensors;
    }

    private static SortedMap<String, Tensor> canonical(Path file, SortedMap<String, Tensor> raw) {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        SortedMap<String, String> spelling = new TreeMap<>();
        for (Map.Entry<String, Tensor> e : raw.entrySet()) {
            PeftKeys.canonical(file.toString(), e.getKey()).ifPresent(name -> {
                Tensor other = tensors.put(name, e.getValue());
                String before = spelling.put(name, e.getKey());
                // The same value under two spellings is how one file serves both PEFT versions.
                if (other != null && !other.equals(e.getValue())) {
                    throw new PeftException(
                            file + ": '" + before + "' and '" + e.getKey()
                                    + "' are two spellings of one tensor, but their values differ; remove the one that is wrong");
                }
            });
        }
        return tensors;
    }

    private void checkModules(Path file) {
        for (String name : tensors.keySet()) {
            if (name.endsWith(B) && !tensors.containsKey(name.substring(0, name.length() - B.length()) + A)) {
                throw new PeftException(file + ": '" + name + "' has no lora_A next to it; copy the adapter again");
            }
        }
        for (String module : modules()) {
            Tensor b = tensors.get(module + B);
            if (b == null) {
                throw new PeftException(
                        file + ": '" + module + A + "' has no lora_B next to it; copy the adapter again");
            }
            List<Integer> shapeA = require(module + A).shape();
            if (shapeA.size() != 2
                    || b.shape().size() != 2
                    || !shapeA.get(0).equals(b.shape().get(1))) {
                throw new PeftException(file + ": module '" + module + "' has A " + shapeA + " and B " + b.shape()
                        + ", and LoRA on a Linear needs [r, in] and [out, r]");
            }
            // A config of another adapter would scale this one wrongly without any other sign; PEFT refuses it too.
            int rank = config.ranks().rank(module);
            if (rank != shapeA.get(0)) {
                throw new PeftException(file + ": module '" + module + "' has rank " + shapeA.get(0) + ", but " + CONFIG
                        + " gives it r " + rank + "; the two files belong to different adapters");
            }
        }
    }

    private Tensor require(String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("the adapter holds no tensor '" + name + "'");
        }
        return tensor;
    }
}
