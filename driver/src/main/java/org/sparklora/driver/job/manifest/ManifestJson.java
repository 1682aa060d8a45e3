package org.sparklora.driver.job.manifest;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;

/**
 * Writes and reads {@code manifest.json}. Equal manifests give equal bytes: groups by name, modules by path, lines ended
 * by a single line feed on every system.
 *
 * <p>Declared groups list {@code modules} with {@code path, r, alpha, in, out}; a group's own {@code r} and
 * {@code alpha} stand beside them where all its modules agree. Implicit groups ({@code "implicit": true}) list
 * {@code tensors}. {@code tensors_sha256} is absent for a dormant group, {@code labels} where there are none, and {@code variant} (its settings by name) for plain LoRA.
 */
public final class ManifestJson {

    /** The version that {@link #write} writes and {@link #read} accepts. */
    public static final int FORMAT = 1;

    // Doubles get the same digits from every Java version, which Double.toString does not promise.
    private static final ObjectMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
                    .build())
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();
    private static final DefaultIndenter INDENT = new DefaultIndenter("  ", "\n");

    /** A declared group's settings as the file has them. */
    private record FileSettings(double learningRateScale, double loraDropout, boolean useRslora, int warmupSteps) {}

    /** A module of a declared group as the file has it. */
    private record FileModule(String path, int r, double alpha, int in, int out) {}

    private ManifestJson() {}

    /** The text of {@code manifest.json}. */
    public static String write(ManifestFile file) {
        LoraManifest manifest = file.manifest();
        ObjectNode root = JSON.createObjectNode()
                .put("format", FORMAT)
                .put("manifest_sha256", ManifestDigest.sha256(manifest))
                .put("base_model_sha256", file.baseModelSha256())
                .put("bias", manifest.bias().peftName());
        if (!file.labels().isEmpty()) {
            root.set("labels", JSON.valueToTree(file.labels()));
        }
        Map<String, Object> variant = LoraVariant.of(manifest).settings();
        if (!variant.isEmpty()) {
            root.set("variant", JSON.valueToTree(new TreeMap<>(variant)));
        }
        ArrayNode groups = root.putArray("groups");
        for (String name : manifest.names()) {
            ObjectNode node = groups.addObject()
                    .put("name", name)
                    .put("implicit", manifest.group(name).isEmpty())
                    .put("state", file.state().of(name).label());
            String digest = file.tensorDigests().get(name);
            if (digest != null) {
                node.put("tensors_sha256", digest);
            }
            manifest.group(name)
                    .ifPresentOrElse(
                            group -> writeDeclared(node, group),
                            () -> node.set("tensors", JSON.valueToTree(manifest.tensors(name))));
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
        GroupSettings is = group.settings();
        FileSettings settings =
                new FileSettings(is.learningRateScale(), is.loraDropout(), is.rankStabilized(), is.warmupSteps());
        List<FileModule> modules = group.modules().stream()
                .map(m -> new FileModule(m.path(), m.loraRank(), m.loraAlpha(), m.inFeatures(), m.outFeatures()))
                .toList();
        node.set("settings", JSON.valueToTree(settings));
        node.set("modules", JSON.valueToTree(modules));
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws ManifestException when the text is no manifest, of another format, or was changed by hand
     */
    public static ManifestFile read(String text) {
        try {
            return parse(JSON.readTree(text));
        } catch (JsonMappingException e) {
            throw refusal("manifest.file.invalid", "is not of this format: " + e.getOriginalMessage());
        } catch (JsonProcessingException e) {
            throw refusal("manifest.file.invalid", "is not JSON: " + e.getOriginalMessage());
        } catch (IllegalArgumentException e) {
            throw refusal("manifest.file.invalid", String.valueOf(e.getMessage()));
        }
    }

    private static ManifestFile parse(JsonNode root) throws JsonProcessingException {
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
                head = readList(node, "tensors", TensorSpec.class);
            } else {
                biases = readList(node, "tensors", TensorSpec.class);
            }
        }
        LoraManifest manifest = new LoraManifest(
                LoraVariants.of(readVariant(root)), groups, BiasMode.valueOf(upper(need(root, "bias"))), head, biases);
        String written = need(root, "manifest_sha256").asText();
        String actual = ManifestDigest.sha256(manifest);
        if (!written.equals(actual)) {
            throw refusal(
                    "manifest.file.changed",
                    "was changed after it was written: its groups have digest " + actual + " and it states " + written
                            + "; restore the run directory's own file");
        }
        String base = need(root, "base_model_sha256").asText();
        List<String> labels = root.has("labels") ? readList(root, "labels", String.class) : List.of();
        return new ManifestFile(manifest, new FreezeState(states), digests, base, labels);
    }

    private static Map<String, Object> readVariant(JsonNode root) {
        return root.has("variant")
                ? JSON.convertValue(root.get("variant"), new TypeReference<Map<String, Object>>() {})
                : Map.of();
    }

    private static LoraGroup readDeclared(String name, JsonNode node) throws JsonProcessingException {
        FileSettings is = JSON.treeToValue(need(node, "settings"), FileSettings.class);
        List<LoraModule> modules = readList(node, "modules", FileModule.class).stream()
                .map(m -> new LoraModule(m.path(), m.r(), m.alpha(), m.in(), m.out()))
                .toList();
        GroupSettings settings =
                new GroupSettings(is.loraDropout(), is.useRslora(), is.learningRateScale(), is.warmupSteps());
        return new LoraGroup(name, need(node, "purpose").asText(), modules, settings);
    }

    private static <T> List<T> readList(JsonNode node, String field, Class<T> type) throws JsonProcessingException {
        return JSON.treeToValue(need(node, field), JSON.getTypeFactory().constructCollectionType(List.class, type));
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
