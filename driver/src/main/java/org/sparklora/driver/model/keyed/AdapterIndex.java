package org.sparklora.driver.model.keyed;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.sparklora.driver.job.manifest.ManifestException;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.model.keyed.KeyEntry.Outcome;
import org.sparklora.driver.model.keyed.KeyEntry.Packed;
import org.sparklora.driver.model.keyed.KeyEntry.Place;
import org.sparklora.driver.model.keyed.KeyEntry.Rows;
import org.sparklora.worker.contract.CodedException;
import org.sparklora.worker.contract.Sha256;

/**
 * The content of {@code adapters/index.json}: every key of a run with its rows and its place in the packed files. Equal indexes
 * give equal bytes. Manifests are listed once, because most keys differ only in their values and labels.
 *
 * @param column {@code data.adapter}
 * @param fallback the adapter of all rows that other keys start from ({@code lora.init: all}); its rows are all rows
 * @param keys by their text
 * @param historyBytes length of the run's history when the index was written, from which a resumed run goes on
 */
public record AdapterIndex(
        String column, Optional<KeyEntry> fallback, SortedMap<String, KeyEntry> keys, long historyBytes) {

    /** File name in the run directory. */
    public static final String FILE = AdapterPack.FOLDER + "/index.json";

    private static final int FORMAT = 1;
    private static final JsonMapper JSON = JsonMapper.builder().build();

    public AdapterIndex {
        keys = Collections.unmodifiableSortedMap(new TreeMap<>(keys));
    }

    /** An index outside of a run. */
    public AdapterIndex(String column, Optional<KeyEntry> fallback, SortedMap<String, KeyEntry> keys) {
        this(column, fallback, keys, 0);
    }

    /** The adapter that computes the rows of a key: its own, or else the fallback. */
    public Optional<Packed> adapter(String key) {
        return Optional.ofNullable(keys.get(key))
                .flatMap(KeyEntry::adapter)
                .or(() -> fallback.flatMap(KeyEntry::adapter));
    }

    /** The fallback's adapter, or that of some key; empty if no key was trained. */
    public Optional<Packed> anyAdapter() {
        return entries().flatMap(entry -> entry.adapter().stream()).findFirst();
    }

    /** The labels of all adapters: as they are if all have the same, or else sorted. */
    public List<String> labels() {
        List<List<String>> all = entries()
                .flatMap(entry -> entry.adapter().stream())
                .map(packed -> packed.manifest().labels())
                .distinct()
                .toList();
        return all.size() == 1
                ? all.get(0)
                : all.stream().flatMap(List::stream).distinct().sorted().toList();
    }

    private Stream<KeyEntry> entries() {
        return Stream.concat(fallback.stream(), keys.values().stream());
    }

    /** This index with other keys added or replaced. */
    public AdapterIndex with(Map<String, KeyEntry> more) {
        SortedMap<String, KeyEntry> all = new TreeMap<>(keys);
        all.putAll(more);
        return new AdapterIndex(column, fallback, all, historyBytes);
    }

    /** This index with a fallback. */
    public AdapterIndex with(KeyEntry fallbackEntry) {
        return new AdapterIndex(column, Optional.of(fallbackEntry), keys, historyBytes);
    }

    /** This index at the end of a longer history. */
    public AdapterIndex at(long bytes) {
        return new AdapterIndex(column, fallback, keys, bytes);
    }

    /** SHA-256 of all keys with the digests of their adapters. It does not depend on the packed files. */
    public String sha256() {
        StringBuilder adapters = new StringBuilder();
        fallback.flatMap(KeyEntry::adapter).ifPresent(packed -> adapters.append(packed.sha256()));
        keys.forEach((key, entry) -> adapters.append('\n')
                .append(KeyEntry.id(key))
                .append(' ')
                .append(entry.adapter().map(Packed::sha256).orElse("-")));
        return Sha256.hex(adapters.toString());
    }

    /** The bytes of the file. */
    public byte[] toJson() {
        Map<String, Integer> manifests = new LinkedHashMap<>();
        ObjectNode root = JSON.createObjectNode()
                .put("format", FORMAT)
                .put("column", column)
                .put("history_bytes", historyBytes);
        fallback.ifPresent(entry -> write(root.putObject("fallback"), entry, manifests));
        ArrayNode list = root.putArray("keys");
        keys.forEach((key, entry) -> {
            ObjectNode node = list.addObject().put("key", key).put("id", KeyEntry.id(key));
            write(node, entry, manifests);
        });
        ArrayNode texts = root.putArray("manifests");
        try {
            for (String manifest : manifests.keySet()) {
                texts.add(JSON.readTree(manifest));
            }
            return JSON.writerWithDefaultPrettyPrinter()
                    .writeValueAsString(root)
                    .getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("an index of plain values cannot fail to become JSON", e);
        }
    }

    private static void write(ObjectNode node, KeyEntry entry, Map<String, Integer> manifests) {
        node.put("outcome", entry.outcome().name().toLowerCase(Locale.ROOT));
        if (!entry.reason().isEmpty()) {
            node.put("reason", entry.reason());
        }
        node.put("rows", entry.rows().training())
                .put("validation_rows", entry.rows().validation())
                .put("rows_sha256", entry.rows().sha256());
        entry.adapter().ifPresent(packed -> {
            ManifestFile full = packed.manifest();
            ManifestFile shared =
                    new ManifestFile(full.manifest(), full.state(), new TreeMap<>(), full.baseModelSha256(), List.of());
            String manifest = ManifestJson.write(shared);
            node.set("labels", JSON.valueToTree(full.labels()));
            node.put("manifest", manifests.computeIfAbsent(manifest, text -> manifests.size()))
                    .put("epoch", packed.epoch());
            node.set("validation", JSON.valueToTree(packed.validation()));
            node.put("adapter_sha256", packed.sha256())
                    .put("file", packed.place().file())
                    .put("offset", packed.place().offset())
                    .put("bytes", packed.place().bytes());
        });
    }

    /**
     * Reads the bytes of the file.
     *
     * @param file its name, for messages
     * @throws AdapterPackException if it is no index
     */
    public static AdapterIndex parse(String file, byte[] json) {
        try {
            JsonNode root = JSON.readTree(json);
            int format = need(root, "format").asInt();
            if (format != FORMAT) {
                throw new AdapterPackException(
                        file + " has format " + format + ", and this version reads format " + FORMAT, null);
            }
            List<ManifestFile> manifests = new ArrayList<>();
            for (JsonNode manifest : need(root, "manifests")) {
                manifests.add(ManifestJson.read(manifest.toString()));
            }
            Optional<KeyEntry> fallback = Optional.empty();
            if (root.has("fallback")) {
                fallback = Optional.of(entry(need(root, "fallback"), manifests));
            }
            SortedMap<String, KeyEntry> keys = new TreeMap<>();
            for (JsonNode node : need(root, "keys")) {
                keys.put(need(node, "key").asText(), entry(node, manifests));
            }
            return new AdapterIndex(
                    need(root, "column").asText(),
                    fallback,
                    keys,
                    need(root, "history_bytes").asLong());
        } catch (IOException | ManifestException | IllegalArgumentException | IndexOutOfBoundsException e) {
            String reason = e instanceof CodedException coded ? coded.reason() : String.valueOf(e.getMessage());
            throw new AdapterPackException(file + " is not an index of adapters: " + reason, e);
        }
    }

    private static KeyEntry entry(JsonNode node, List<ManifestFile> manifests) {
        Rows rows = new Rows(
                need(node, "rows").asLong(),
                need(node, "validation_rows").asLong(),
                need(node, "rows_sha256").asText());
        Outcome outcome = Outcome.valueOf(need(node, "outcome").asText().toUpperCase(Locale.ROOT));
        Optional<Packed> adapter = node.has("adapter_sha256") ? Optional.of(packed(node, manifests)) : Optional.empty();
        return new KeyEntry(rows, outcome, node.path("reason").asText(), adapter);
    }

    private static Packed packed(JsonNode node, List<ManifestFile> manifests) {
        ManifestFile shared = manifests.get(need(node, "manifest").asInt());
        List<String> labels = new ArrayList<>();
        need(node, "labels").forEach(label -> labels.add(label.asText()));
        SortedMap<String, Double> validation = new TreeMap<>();
        need(node, "validation")
                .fields()
                .forEachRemaining(
                        metric -> validation.put(metric.getKey(), JSON.convertValue(metric.getValue(), Double.class)));
        return new Packed(
                new ManifestFile(shared.manifest(), shared.state(), new TreeMap<>(), shared.baseModelSha256(), labels),
                need(node, "epoch").asInt(),
                validation,
                need(node, "adapter_sha256").asText(),
                new Place(
                        need(node, "file").asText(),
                        need(node, "offset").asLong(),
                        need(node, "bytes").asInt()));
    }

    private static JsonNode need(JsonNode node, String field) {
        JsonNode value = node.get(field);
        if (value == null) {
            throw new IllegalArgumentException("it lacks the field '" + field + "'");
        }
        return value;
    }
}
