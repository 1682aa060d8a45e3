package org.sparklora.driver.model.peft;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.sparklora.driver.job.config.HubId;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/**
 * Writes an adapter as PEFT saves it, loadable by current PEFT, and by PEFT 0.3.0 if it is plain LoRA.
 *
 * <p>target_modules holds full names, because both versions read only those alike (a suffix such as {@code
 * 1.attention.self.query} also means layer 11 to PEFT 0.3.0). PEFT 0.3.0 does not know rank_pattern: modules of different
 * ranks load in current PEFT only, and 0.3.0 reports a size mismatch. It does not know use_rslora or alpha_pattern either,
 * and scales such an adapter wrongly without a warning.
 *
 * <p>If no group is initialized, the adapter holds only the head. PEFT refuses an empty target_modules, so all modules are
 * listed, without tensors: PEFT creates them with B = 0, which changes nothing, and current PEFT warns of missing keys.
 *
 * <p>Equal adapters give equal bytes: no time, no version, all keys in order.
 */
public final class PeftAdapterWriter {

    private static final String CARD = "README.md";

    private PeftAdapterWriter() {}

    /** r and alpha of a module. */
    private record Rank(int r, double alpha) {}

    /**
     * The files of the directory, by name.
     *
     * @param activeGroups names of the groups that are trainable or frozen; may include implicit groups
     * @param snapshot values of these groups' tensors and of the head's; other values are not written
     */
    public static SortedMap<String, byte[]> files(
            LoraManifest manifest, Set<String> activeGroups, AdapterSnapshot snapshot, AdapterDetails details) {
        List<LoraGroup> listed = listed(manifest, activeGroups);
        SortedMap<String, byte[]> files = new TreeMap<>();
        files.put(PeftAdapter.CONFIG, PythonJson.bytes(config(manifest, listed, details)));
        files.put(CARD, ModelCard.of(manifest, activeGroups, details).getBytes(StandardCharsets.UTF_8));
        files.put(PeftAdapter.SAFETENSORS, weights(manifest, activeGroups, snapshot));
        return files;
    }

    /** The bytes of {@code adapter_model.safetensors} alone, as {@link #files} has them. */
    public static byte[] weights(LoraManifest manifest, Set<String> activeGroups, AdapterSnapshot snapshot) {
        List<LoraGroup> listed = listed(manifest, activeGroups);
        return SafetensorsWriter.encode(tensors(manifest, active(manifest, activeGroups), listed, snapshot));
    }

    private static List<LoraGroup> active(LoraManifest manifest, Set<String> activeGroups) {
        for (String name : activeGroups) {
            manifest.tensors(name); // refuses an unknown group
        }
        return manifest.groups().stream()
                .filter(g -> activeGroups.contains(g.name()))
                .toList();
    }

    /** The groups whose modules PEFT wraps. */
    private static List<LoraGroup> listed(LoraManifest manifest, Set<String> activeGroups) {
        List<LoraGroup> active = active(manifest, activeGroups);
        return active.isEmpty() ? manifest.groups() : active;
    }

    private static SortedMap<String, Tensor> tensors(
            LoraManifest manifest, List<LoraGroup> active, List<LoraGroup> listed, AdapterSnapshot snapshot) {
        for (TensorSpec spec : manifest.head()) {
            if (!snapshot.contains(spec.name())) {
                String problem = "the head is missing: the adapter to save has no '" + spec.name()
                        + "', and PEFT would load a random one in its place";
                throw new PeftException("adapter.incomplete", problem);
            }
        }
        List<TensorSpec> specs = new ArrayList<>(manifest.head());
        specs.addAll(manifest.biases());
        active.forEach(group -> specs.addAll(manifest.tensors(group.name())));
        Set<String> wrapped = listed.stream()
                .flatMap(g -> g.modules().stream())
                .map(LoraModule::bias)
                .collect(Collectors.toSet());
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        for (TensorSpec spec : specs) {
            Tensor tensor = tensor(spec, snapshot);
            tensors.put(PeftKeys.PREFIX + spec.name(), tensor);
            if (wrapped.contains(spec.name())) {
                // Each PEFT version drops the other's spelling of a bias without an error, so both are written.
                String module = spec.name().substring(0, spec.name().length() - ".bias".length());
                tensors.put(PeftKeys.PREFIX + module + PeftKeys.BASE_LAYER, tensor);
            }
        }
        return tensors;
    }

    private static Tensor tensor(TensorSpec spec, AdapterSnapshot snapshot) {
        if (!snapshot.contains(spec.name())) {
            String problem = "the adapter to save has no '" + spec.name() + "', although its group is initialized";
            throw new PeftException("adapter.incomplete", problem);
        }
        float[] values = snapshot.view(spec.name());
        if (values.length != spec.size()) {
            String shape = " values, but its shape " + spec.shape() + " needs " + spec.size();
            throw new PeftException("adapter.tensor", "'" + spec.name() + "' has " + values.length + shape);
        }
        return new Tensor(spec.shape(), values);
    }

    private static SortedMap<String, Object> config(
            LoraManifest manifest, List<LoraGroup> groups, AdapterDetails details) {
        List<LoraModule> modules = groups.stream()
                .flatMap(g -> g.modules().stream())
                .sorted(Comparator.comparing(LoraModule::path))
                .toList();
        if (modules.isEmpty()) {
            throw new PeftException(
                    "adapter.empty", "an adapter without any LoRA module cannot be saved: PEFT refuses to load it");
        }
        Rank common = mostCommon(modules);
        SortedMap<String, Object> ranks = new TreeMap<>();
        SortedMap<String, Object> alphas = new TreeMap<>();
        for (LoraModule module : modules) {
            if (module.loraRank() != common.r()) {
                ranks.put(module.path(), module.loraRank());
            }
            if (module.loraAlpha() != common.alpha()) {
                alphas.put(module.path(), plain(module.loraAlpha()));
            }
        }
        SortedMap<String, Object> config = new TreeMap<>();
        Optional<HubId> hub = HubId.of(details.baseModel());
        config.put("base_model_name_or_path", hub.map(HubId::repository).orElse(details.baseModel()));
        hub.flatMap(HubId::revision).ifPresent(revision -> config.put("revision", revision));
        config.put("bias", manifest.bias().peftName());
        config.put("fan_in_fan_out", false);
        config.put("inference_mode", true);
        config.put("lora_alpha", plain(common.alpha()));
        config.put("lora_dropout", details.loraDropout());
        config.put("modules_to_save", details.modulesToSave());
        config.put("r", common.r());
        config.put("target_modules", modules.stream().map(LoraModule::path).toList());
        config.put("task_type", details.taskType());
        if (rankStabilized(groups)) {
            config.put("use_rslora", true);
        }
        if (!ranks.isEmpty()) {
            config.put("rank_pattern", ranks);
        }
        if (!alphas.isEmpty()) {
            config.put("alpha_pattern", alphas);
        }
        config.putAll(LoraVariant.of(manifest).peftSettings());
        return config;
    }

    // Ties go to the smaller rank and alpha; any fixed rule would do.
    private static Rank mostCommon(List<LoraModule> modules) {
        List<Rank> ranks = modules.stream()
                .map(m -> new Rank(m.loraRank(), m.loraAlpha()))
                .sorted(Comparator.comparingInt(Rank::r).thenComparingDouble(Rank::alpha))
                .toList();
        return Collections.max(ranks, Comparator.comparingInt(rank -> Collections.frequency(ranks, rank)));
    }

    private static boolean rankStabilized(List<LoraGroup> groups) {
        Set<Boolean> values =
                groups.stream().map(g -> g.settings().rankStabilized()).collect(Collectors.toSet());
        if (values.size() > 1) {
            throw new PeftException(
                    "adapter.rslora",
                    "some groups use use_rslora and some do not, but PEFT has one setting for all;"
                            + " set it for the whole job");
        }
        return values.contains(true);
    }

    /** 16 and not 16.0: PEFT declares alpha a whole number, though it takes others. */
    private static Object plain(double alpha) {
        return alpha == StrictMath.rint(alpha) && Math.abs(alpha) < 1e9 ? (Object) (long) alpha : (Object) alpha;
    }
}
