package org.sparklora.driver.model.keyed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.model.keyed.KeyEntry.Outcome;
import org.sparklora.driver.model.keyed.KeyEntry.Packed;
import org.sparklora.driver.model.keyed.KeyEntry.Place;
import org.sparklora.driver.model.keyed.KeyEntry.Rows;
import org.sparklora.driver.model.peft.PeftAdapterWriter;
import org.sparklora.driver.run.history.ForwardingRunDirectory;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.SafetensorsFile;

class AdapterPackTest {

    private static final Rows ROWS = new Rows(40, 4, "rows");

    @TempDir
    Path dir;

    private RunDirectory directory;

    @BeforeEach
    void open() {
        directory = new LocalRunDirectory(dir);
    }

    @Test
    void eachAdapterIsReadAsItWasWritten() throws IOException {
        KeyedAdapter first = adapter(1, List.of("a", "b"), GroupState.DORMANT);
        KeyedAdapter second = adapter(2, List.of("x", "y", "z"), GroupState.FROZEN);
        AdapterPack pack = written(new TreeMap<>(Map.of("first", first, "second", second)));

        for (Map.Entry<String, KeyedAdapter> key :
                Map.of("first", first, "second", second).entrySet()) {
            Packed packed = pack.index().adapter(key.getKey()).orElseThrow();
            KeyedAdapter read = pack.read(packed);
            assertThat(read.values()).isEqualTo(key.getValue().values());
            assertThat(read.labels()).isEqualTo(key.getValue().labels());
            assertThat(read.manifest().state())
                    .isEqualTo(key.getValue().manifest().state());
            assertThat(read.manifest().manifest())
                    .isEqualTo(key.getValue().manifest().manifest());
            assertThat(packed.validation()).containsEntry("loss", 0.25).containsEntry("auc", Double.NaN);
        }
    }

    @Test
    void aFileIsSafetensorsWithNamesThatDoNotShowTheKey() throws IOException {
        written(new TreeMap<>(Map.of("customer/7", adapter(1, List.of("a", "b"), GroupState.DORMANT))));

        Path file = dir.resolve("adapters/part-00000.safetensors");
        try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
            assertThat(tensors.names())
                    .contains(KeyEntry.id("customer/7") + "/classifier.weight")
                    .noneMatch(name -> name.contains("layer.0") || name.contains("customer"));
        }
    }

    @Test
    void oneAdapterIsReadWithoutTheOthers() throws IOException {
        KeyedAdapter small = adapter(1, List.of("a", "b"), GroupState.DORMANT);
        SortedMap<String, KeyedAdapter> adapters = new TreeMap<>();
        for (int i = 0; i < 50; i++) {
            adapters.put("key " + i, small);
        }
        AdapterPack pack = written(adapters);
        List<Integer> reads = new ArrayList<>();
        RunDirectory counted = new ForwardingRunDirectory(directory) {
            @Override
            public byte[] read(String name, long from, int max) throws IOException {
                byte[] bytes = super.read(name, from, max);
                reads.add(bytes.length);
                return bytes;
            }
        };

        new AdapterPack(counted, pack.index())
                .read(pack.index().adapter("key 31").orElseThrow());

        int values = small.values().names().stream()
                .mapToInt(name -> small.values().view(name).length)
                .sum();
        assertThat(reads).containsExactly(values * Float.BYTES);
    }

    @Test
    void theDigestIsThatOfPeftsFile() {
        KeyedAdapter adapter = adapter(1, List.of("a", "b"), GroupState.FROZEN);

        byte[] peft = PeftAdapterWriter.weights(
                adapter.manifest().manifest(), Set.of("head", "top", "bottom"), adapter.values());

        assertThat(adapter.sha256()).isEqualTo(Sha256.hex(peft));
    }

    @Test
    void theIndexIsReadAsItWasWritten() {
        SortedMap<String, KeyEntry> keys = new TreeMap<>();
        for (String key : List.of("é/…\u0000\uD83D\uDE00", "null", "", "x".repeat(5_000))) {
            keys.put(key, entry(adapter(1, List.of("a", "b"), GroupState.DORMANT), new Place("part", 8, 96)));
        }
        keys.put("small", new KeyEntry(ROWS, Outcome.LEFT_OUT, "3 rows", Optional.empty()));
        AdapterIndex index = new AdapterIndex(
                "customer",
                Optional.of(entry(adapter(2, List.of("a", "c"), GroupState.LIVE), new Place("f", 1, 2))),
                keys);

        AdapterIndex read = AdapterIndex.parse("index", index.toJson());

        assertThat(read).isEqualTo(index);
        assertThat(read.toJson()).isEqualTo(index.toJson());
    }

    @Test
    void keysWithoutAnAdapterHaveTheFallback() {
        KeyEntry fallback = entry(adapter(2, List.of("a", "b"), GroupState.LIVE), new Place("f", 1, 2));
        KeyEntry failed = new KeyEntry(ROWS, Outcome.FAILED, "diverged", Optional.empty());
        AdapterIndex index =
                new AdapterIndex("customer", Optional.empty(), new TreeMap<>()).with(Map.of("bad", failed));

        assertThat(index.adapter("bad")).isEmpty();
        assertThat(index.with(fallback).adapter("bad")).isEqualTo(fallback.adapter());
        assertThat(index.with(fallback).adapter("unknown")).isEqualTo(fallback.adapter());
    }

    @Test
    void damageIsRefused() throws IOException {
        AdapterPack pack = written(new TreeMap<>(Map.of("key", adapter(1, List.of("a", "b"), GroupState.LIVE))));
        Packed packed = pack.index().adapter("key").orElseThrow();
        Path file = dir.resolve("adapters/part-00000.safetensors");
        byte[] bytes = Files.readAllBytes(file);

        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);
        assertThatThrownBy(() -> pack.read(packed))
                .isInstanceOf(AdapterPackException.class)
                .hasMessageContaining("other values");
        Files.write(file, new byte[10]);
        assertThatThrownBy(() -> pack.read(packed))
                .hasMessageContaining("has 0 of")
                .hasMessageEndingWith("[run.pack-damaged]");
        Files.writeString(dir.resolve(AdapterIndex.FILE), "{\"format\": 1}");
        assertThatThrownBy(() -> AdapterPack.find(directory)).hasMessageContaining("lacks the field 'manifests'");
    }

    private AdapterPack written(SortedMap<String, KeyedAdapter> adapters) throws IOException {
        SortedMap<String, KeyedAdapter> byId = new TreeMap<>();
        adapters.forEach((key, adapter) -> byId.put(KeyEntry.id(key), adapter));
        SortedMap<String, Place> places = AdapterPack.write(directory, AdapterPack.part(0), byId);
        SortedMap<String, KeyEntry> entries = new TreeMap<>();
        adapters.forEach((key, adapter) ->
                entries.put(key, entry(adapter, Objects.requireNonNull(places.get(KeyEntry.id(key))))));
        AdapterIndex index = new AdapterIndex("customer", Optional.empty(), entries);
        directory.write(AdapterIndex.FILE, index.toJson());
        return AdapterPack.find(directory).orElseThrow();
    }

    private static KeyEntry entry(KeyedAdapter adapter, Place place) {
        SortedMap<String, Double> validation = new TreeMap<>(Map.of("loss", 0.25, "auc", Double.NaN));
        Packed packed = new Packed(adapter.manifest(), 2, validation, adapter.sha256(), place);
        return new KeyEntry(ROWS, Outcome.TRAINED, "", Optional.of(packed));
    }

    private static KeyedAdapter adapter(int seed, List<String> labels, GroupState bottom) {
        GroupSettings plain = new GroupSettings(0.1, false, 0.5, 3);
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(
                        new LoraGroup("bottom", "", List.of(new LoraModule("layer.0.query", 2, 4, 4, 4)), plain),
                        new LoraGroup("top", "why", List.of(new LoraModule("layer.1.query", 2, 4, 4, 4)), plain)),
                BiasMode.NONE,
                List.of(
                        new TensorSpec("classifier.weight", List.of(labels.size(), 4)),
                        new TensorSpec("classifier.bias", List.of(labels.size()))),
                List.of());
        ManifestFile file = new ManifestFile(
                manifest,
                FreezeState.of(Map.of("bottom", bottom, "top", GroupState.LIVE)),
                new TreeMap<>(),
                "base",
                labels);
        Map<String, float[]> values = new TreeMap<>();
        KeyedAdapter.tensors(file).forEach((name, tensor) -> {
            float[] of = new float[tensor.size()];
            for (int i = 0; i < of.length; i++) {
                of[i] = seed + i / 8f;
            }
            values.put(name, of);
        });
        return new KeyedAdapter(file, new AdapterSnapshot(values));
    }
}
