package org.sparklora.driver.model.predict;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.head.RegressionHead;
import org.sparklora.worker.inference.RoutedAdapter;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.lora.PlainLora;

class AdapterCacheTest {

    private static final TokenizerSpec TOKENIZER = tokenizer();

    private final List<String> read = new ArrayList<>();

    private static TokenizerSpec tokenizer() {
        try {
            return TokenizerSpec.read(Path.of(
                    System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-12l"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private RoutedAdapter adapter(String key, int values) {
        read.add(key);
        LoraManifest manifest = new LoraManifest(PlainLora.INSTANCE, List.of(), BiasMode.NONE, List.of(), List.of());
        AdapterSnapshot snapshot = new AdapterSnapshot(Map.of("classifier.weight", new float[values]));
        return new RoutedAdapter(
                new TrainedModel(
                        new TrainedModel.Base(ModelSource.everywhere("model"), "base", Arithmetic.DEFAULT),
                        new RegressionHead(),
                        new TrainedModel.Adapter(manifest, snapshot, key),
                        new TrainedModel.Text(TOKENIZER, 16)),
                List.of(0));
    }

    private void get(AdapterCache cache, String key, int values) {
        assertThat(cache.get(key, () -> adapter(key, values)).model().adapter().sha256())
                .isEqualTo(key);
    }

    @Test
    void theAdapterThatWasUsedLongestAgoGoesFirst() {
        AdapterCache cache = new AdapterCache(3 * 40);
        get(cache, "a", 10);
        get(cache, "b", 10);
        get(cache, "c", 10);
        assertThat(cache.bytes()).isEqualTo(120);
        get(cache, "a", 10);
        get(cache, "d", 10);
        assertThat(cache.bytes()).isEqualTo(120);
        assertThat(read).containsExactly("a", "b", "c", "d");

        get(cache, "a", 10);
        get(cache, "b", 10);

        assertThat(read).containsExactly("a", "b", "c", "d", "b");
    }

    @Test
    void anAdapterAboveTheLimitIsUsedAndNotKept() {
        AdapterCache cache = new AdapterCache(100);
        get(cache, "small", 10);
        get(cache, "large", 26);

        assertThat(cache.bytes()).isZero();
    }
}
