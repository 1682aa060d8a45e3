package org.sparklora.driver.job.manifest;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.PlainLora;

/**
 * Writes and reads {@code manifest.json}. Equal manifests give equal bytes: groups by name, modules by path, lines ended
 * by a single line feed on every system.
 *
 * <p>Declared groups list {@code modules} with {@code path, r, alpha, in, out}; a group's own {@code r} and
 * {@code alpha} stand beside them where all its modules agree. Implicit groups ({@code "implicit": true}) list
 * {@code tensors}. {@code tensors_sha256} is absent for a dormant group, {@code labels} where there are none.
 */
public final class ManifestJson {

    /** The version that {@link #write} writes and {@link #read} accepts. */
    public static final int FORMAT = 1;

    // Doubles get the same digits from every Java version, which Double.toString does not promise.
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
            .build());
    private static final DefaultIndenter INDENT = new DefaultIndenter("  ", "\n");

    private ManifestJson() {}

    /** The text of {@code manifest.json}. */
    public static String write(ManifestFile file) {
        LoraManifest manifest = file.manifest();
        ObjectNode root = JSON.createObjectNode();
        root.put("format", FORMAT);
        root.put("manifest_sha256", ManifestDigest.sha256(manifest));
        root.put("base_model_sha256", file.baseModelSha256());
        root.put("bias", manifest.bias().peftName());
        if (!file.labels().isEmpty()) {
            ArrayNode labels = root.putArray("labels");
            file.labels().forEach(labels::add);
        }
        ArrayNode groups = root.putArray("groups");
        for (String name : manifest.names()) {
            ObjectNode node = groups.addObject();
            node.put("name", name);
            node.put("implicit", manifest.group(name).isEmpty());
            node.put("state", file.state().of(name).label());
            String digest = file.tensorDigests().get(name);
            if (digest != null) {
                node.put("tensors_sha256", digest);
            }
            manifest.group(name)
                    .ifPresentOrElse(g -> writeDeclared(node, g), () -> writeTensors(node, manifest.tensors(name)));
        }
        DefaultPrettyPrinter printer =
                new DefaultPrettyPrinter().withObjectIndenter(INDENT).withArrayIndenter(INDENT);
        try {
            return JSON.writer(printer).writeValueAsString(root) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a manifest of plain values cannot fail to become JSON", e);
        }
    }

    private static void writeDeclared(ObjectNode node, LoraGroup group) {
        LoraModule first = group.modules().get(0);
        node.put("purpose", group.purpose());
        if (group.modules().stream().allMatch(m -> m.loraRank() == first.loraRank())) {
            node.put("r", first.loraRank());
        }
        if (group.modules().stream().allMatch(m -> m.loraAlpha() == first.loraAlpha())) {
            node.put("alpha", first.loraAlpha());
        }
        GroupSettings settings = group.settings();
        node.putObject("settings")
                .put("learning_rate_scale", settings.learningRateScale())
                .put("lora_dropout", settings.loraDropout())
                .put("use_rslora", settings.rankStabilized())
                .put("warmup_steps", settings.warmupSteps());
        ArrayNode modules = node.putArray("modules");
        for (LoraModule m : group.modules()) {
            modules.addObject()
                    .put("path", m.path())
                    .put("r", m.loraRank())
                    .put("alpha", m.loraAlpha())
                    .put("in", m.inFeatures())
                    .put("out", m.outFeatures());
        }
    }

    private static void writeTensors(ObjectNode node, List<TensorSpec> tensors) {
        ArrayNode array = node.putArray("tensors");
        for (TensorSpec tensor : tensors) {
            ObjectNode entry = array.addObject().put("name", tensor.name());
            ArrayNode shape = entry.putArray("shape");
            tensor.shape().forEach(shape::add);
        }
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws ManifestException when the text is no manifest, of another format, or was changed by hand
     */
    public static ManifestFile read(String text) {
        try {
            return parse(JSON.readTree(text));
        } catch (JsonProcessingException e) {
            throw refusal("manifest.file.invalid", "is not JSON: " + e.getOriginalMessage());
        } catch (IllegalArgumentException e) {
            throw refusal("manifest.file.invalid", String.valueOf(e.getMessage()));
        }
    }

    private static ManifestFile parse(JsonNode root) {
        JsonNode format = root.path("format");
        if (!format.isInt()) {
            throw refusal("manifest.file.invalid", "has no format number; this program did not write it");
        }
        if (format.asInt() != FORMAT) {
            throw refusal(
                    "manifest.file.format",
                    "has format " + format.asInt() + " and this version reads format " + FORMAT
                            + "; use the version that wrote the run");
        }
        List<LoraGroup> groups = new ArrayList<>();
        List<TensorSpec> head = new ArrayList<>();
        List<TensorSpec> biases = new ArrayList<>();
        TreeMap<String, GroupState> states = new TreeMap<>();
        TreeMap<String, String> digests = new TreeMap<>();
        for (JsonNode node : need(root, "groups")) {
            String name = need(node, "name").asText();
            if (node.has("tensors_sha256")) {
                digests.put(name, node.path("tensors_sha256").asText());
            }
            if (!need(node, "implicit").asBoolean()) {
                groups.add(readDeclared(name, node));
                states.put(name, GroupState.valueOf(upper(need(node, "state"))));
            } else if (name.equals(LoraManifest.HEAD)) {
                head = readTensors(node);
            } else {
                biases = readTensors(node);
            }
        }
        LoraManifest manifest =
                new LoraManifest(PlainLora.INSTANCE, groups, BiasMode.valueOf(upper(need(root, "bias"))), head, biases);
        String written = need(root, "manifest_sha256").asText();
        String actual = ManifestDigest.sha256(manifest);
        if (!written.equals(actual)) {
            throw refusal(
                    "manifest.file.changed",
                    "was changed after it was written: its groups have digest " + actual + " and it states " + written
                            + "; restore the run directory's own file");
        }
        String base = need(root, "base_model_sha256").asText();
        List<String> labels = new ArrayList<>();
        root.path("labels").forEach(label -> labels.add(label.asText()));
        return new ManifestFile(manifest, new FreezeState(states), digests, base, labels);
    }

    private static LoraGroup readDeclared(String name, JsonNode node) {
        JsonNode s = need(node, "settings");
        GroupSettings settings = new GroupSettings(
                need(s, "lora_dropout").asDouble(),
                need(s, "use_rslora").asBoolean(),
                need(s, "learning_rate_scale").asDouble(),
                need(s, "warmup_steps").asInt());
        List<LoraModule> modules = new ArrayList<>();
        for (JsonNode m : need(node, "modules")) {
            modules.add(new LoraModule(
                    need(m, "path").asText(),
                    need(m, "r").asInt(),
                    need(m, "alpha").asDouble(),
                    need(m, "in").asInt(),
                    need(m, "out").asInt()));
        }
        return new LoraGroup(name, need(node, "purpose").asText(), modules, settings);
    }

    private static List<TensorSpec> readTensors(JsonNode node) {
        List<TensorSpec> tensors = new ArrayList<>();
        for (JsonNode tensor : need(node, "tensors")) {
            List<Integer> shape = new ArrayList<>();
            need(tensor, "shape").forEach(d -> shape.add(d.asInt()));
            tensors.add(new TensorSpec(need(tensor, "name").asText(), shape));
        }
        return tensors;
    }

    private static JsonNode need(JsonNode node, String field) {
        JsonNode value = node.get(field);
        if (value == null) {
            throw refusal("manifest.file.invalid", "lacks the field '" + field + "'");
        }
        return value;
    }

    private static String upper(JsonNode node) {
        return node.asText().toUpperCase(Locale.ROOT);
    }

    private static ManifestException refusal(String code, String what) {
        return new ManifestException(code, List.of("manifest.json " + what));
    }
}
