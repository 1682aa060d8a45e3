package org.sparklora.driver.training;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.sparklora.driver.job.config.LoraConfig;
import org.sparklora.driver.model.peft.PeftAdapter;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.safetensors.Tensor;

/** The adapter of {@code lora.init_adapter}. Every tensor of it must belong to a group of the job: none is dropped silently. */
record InitAdapter(Path directory, PeftAdapter adapter) {

    private static final int MAX_SHOWN = 3;

    /** Reads an adapter. Names of a bare encoder's adapter lack the encoder's prefix, as names of its weights do. */
    static InitAdapter read(Path directory, Encoder encoder) {
        PeftAdapter read = PeftAdapter.read(directory);
        if (!read.config().unknownKeys().isEmpty()) {
            Console.err(
                    "lora.init_adapter: keys that spark-lora does not know or use: %s",
                    read.config().unknownKeys());
        }
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        read.tensors()
                .forEach((name, tensor) ->
                        tensors.put(encoder.canonicalName(name).orElse(name), tensor));
        return new InitAdapter(directory, new PeftAdapter(read.config(), tensors));
    }

    AdapterSnapshot snapshot() {
        return adapter.snapshot();
    }

    /** Refuses an adapter whose A and B do not fit the groups. The head, which depends on the data, may be unknown. */
    void requireModulesFit(LoraManifest groups, LoraConfig lora) {
        LoraVariant theirs = adapter.config().variant();
        if (!theirs.equals(groups.variant())) {
            throw new ModelException(
                    "adapter.mismatch",
                    "lora.init_adapter " + directory + " is of another LoRA variant: it has " + described(theirs)
                            + " where the job has " + described(LoraVariant.of(groups))
                            + "; give the job the adapter's settings under lora, or name another adapter");
        }
        List<String> problems = shapeProblems(groups, name -> name.contains(".lora_"), "");
        problems.addAll(scalingProblems(groups, lora));
        throwIfAny(problems);
    }

    /** Refuses an adapter that does not fit the manifest, head included. */
    void requireFit(LoraManifest manifest, List<String> labels) {
        throwIfAny(shapeProblems(manifest, name -> true, " (the job has the labels " + labels + ")"));
    }

    private static String described(LoraVariant variant) {
        return variant.settings().isEmpty() ? "plain LoRA" : new TreeMap<>(variant.settings()).toString();
    }

    private List<String> shapeProblems(LoraManifest manifest, Predicate<String> which, String ofHead) {
        List<String> problems = new ArrayList<>();
        TreeMap<String, TensorSpec> wanted = new TreeMap<>();
        manifest.names().forEach(g -> manifest.tensors(g).forEach(t -> wanted.put(t.name(), t)));
        adapter.tensors().forEach((name, tensor) -> {
            TensorSpec spec = wanted.get(name);
            if (!which.test(name)) {
                return;
            }
            if (spec == null) {
                problems.add("'" + name + "' belongs to no group of this job");
            } else if (!spec.shape().equals(tensor.shape())) {
                problems.add("'" + name + "' has shape " + tensor.shape() + ", but the job needs " + spec.shape()
                        + (manifest.head().contains(spec) ? ofHead : ""));
            }
        });
        return problems;
    }

    private List<String> scalingProblems(LoraManifest groups, LoraConfig lora) {
        List<String> problems = new ArrayList<>();
        TreeMap<String, LoraModule> modules = new TreeMap<>();
        groups.groups().forEach(g -> g.modules().forEach(m -> modules.put(m.path(), m)));
        boolean theirs = adapter.config().ranks().rankStabilized();
        for (String path : adapter.modules()) {
            LoraModule module = modules.get(path);
            if (module != null && (adapter.alpha(path) != module.loraAlpha() || theirs != lora.useRslora())) {
                problems.add("'" + path + "' was trained with lora_alpha " + adapter.alpha(path) + " and use_rslora "
                        + theirs + ", but the job has " + module.loraAlpha() + " and " + lora.useRslora()
                        + "; the adapter would compute other values");
            }
        }
        return problems;
    }

    private void throwIfAny(List<String> problems) {
        if (!problems.isEmpty()) {
            String more = problems.size() > MAX_SHOWN ? "; and " + (problems.size() - MAX_SHOWN) + " more" : "";
            throw new ModelException(
                    "adapter.mismatch",
                    "lora.init_adapter " + directory + " does not fit this job: "
                            + String.join("; ", problems.subList(0, Math.min(MAX_SHOWN, problems.size()))) + more
                            + "; declare groups with the adapter's modules, r and lora_alpha, or name another adapter");
        }
    }
}
