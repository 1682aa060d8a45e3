package org.sparklora.worker.inference;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.head.TokenClassificationHead;
import org.sparklora.worker.inference.Scorer.Pooling;
import org.sparklora.worker.inference.Scorer.TextRow;
import org.sparklora.worker.lora.Dora;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;
import org.sparklora.worker.lora.PlainLora;

/** Batches of several adapters against each adapter alone, on the tiny encoders of the stored runs. */
class RoutedScorerTest {

    private static final Path RESOURCES =
            Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources");
    private static final Path BERT = RESOURCES.resolve("golden/models/tiny-bert-12l");

    /** W x + B A x is rounded otherwise than (W + B A) x. */
    private static final Offset<Float> ROUNDING = Offset.offset(1e-5f);

    private static final int CLASSES = 4;

    private static final List<TextRow> TEXTS = IntStream.range(0, 40)
            .mapToObj(i ->
                    new TextRow("great plot ".repeat(1 + i % 5) + (char) ('a' + i % 26), i % 3 == 0 ? "a pair" : null))
            .toList();

    /** An adapter with random values on some Linears. */
    private static RoutedAdapter adapter(
            Path directory,
            int seed,
            LoraVariant variant,
            int rank,
            BiasMode bias,
            List<String> names,
            List<Integer> classes) {
        return adapter(directory, seed, variant, rank, bias, names, classes, new ClassificationHead(classes.size()));
    }

    private static RoutedAdapter adapter(
            Path directory,
            int seed,
            LoraVariant variant,
            int rank,
            BiasMode bias,
            List<String> names,
            List<Integer> classes,
            TaskHead head) {
        Encoder encoder = BaseModel.shared(directory, head.headInput()).encoder();
        List<LoraModule> modules = Stream.concat(encoder.linears().stream(), encoder.tables().stream())
                .filter(weight -> names.stream().anyMatch(weight.name()::endsWith))
                .map(weight -> {
                    // A table is [in, out], the weight of a Linear [out, in].
                    int in = LoraModule.isTable(weight.name()) ? 0 : 1;
                    return new LoraModule(
                            weight.name(),
                            rank,
                            8,
                            weight.shape().get(in),
                            weight.shape().get(1 - in));
                })
                .toList();
        assertThat(modules).isNotEmpty();
        LoraManifest manifest = new LoraManifest(
                variant,
                List.of(new LoraGroup("top", "", modules, GroupSettings.PLAIN)),
                bias,
                encoder.head().tensors(classes.size()),
                List.of());
        Map<String, float[]> values = new TreeMap<>();
        for (String group : manifest.names()) {
            for (TensorSpec tensor : manifest.tensors(group)) {
                long key = KeyedRandom.key(seed, tensor.name());
                float[] own = new float[tensor.size()];
                for (int i = 0; i < own.length; i++) {
                    own[i] = (float) (KeyedRandom.uniform(key, i) - 0.5) * 0.4f;
                }
                values.put(tensor.name(), own);
            }
        }
        AdapterSnapshot snapshot = new AdapterSnapshot(values);
        return new RoutedAdapter(
                new TrainedModel(
                        new TrainedModel.Base(
                                ModelSource.everywhere(directory.toString()),
                                BaseModel.sha256(directory),
                                Arithmetic.DEFAULT),
                        head,
                        new TrainedModel.Adapter(manifest, snapshot, variant + " " + snapshot.sha256()),
                        new TrainedModel.Text(tokenizer(), 24)),
                classes);
    }

    /** That of BERT for every encoder: which tokens a text has does not matter here. */
    private static TokenizerSpec tokenizer() {
        try {
            return TokenizerSpec.read(BERT);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static RoutedScorer open(RoutedAdapter any) {
        TrainedModel model = any.model();
        return RoutedScorer.open(model.base(), model.text(), model.head().headInput(), CLASSES);
    }

    /** Routes row i to adapter i modulo their number; every eighth row has none. */
    private static Scorer routed(RoutedScorer scorer, List<RoutedAdapter> adapters) {
        return scorer.of(example -> example.key() % 8 == 7
                ? Optional.empty()
                : Optional.of(adapters.get((int) (example.key() % adapters.size()))));
    }

    private static void assertEachRowIsThatOfItsAdapter(List<RoutedAdapter> adapters) {
        try (RoutedScorer scorer = open(adapters.get(0))) {
            List<float[]> mixed = routed(scorer, adapters).logits(TEXTS);
            for (int i = 0; i < adapters.size(); i++) {
                RoutedAdapter adapter = adapters.get(i);
                try (TextScorer single = TextScorer.open(adapter.model())) {
                    List<float[]> alone = single.logits(TEXTS);
                    for (int row = i; row < TEXTS.size(); row += adapters.size()) {
                        if (row % 8 == 7) {
                            assertThat(mixed.get(row)).isNull();
                            continue;
                        }
                        float[] logits = requireNonNull(mixed.get(row));
                        float[] wanted = requireNonNull(alone.get(row));
                        assertThat(logits).hasSize(CLASSES);
                        for (int c = 0; c < CLASSES; c++) {
                            int own = adapter.classes().indexOf(c);
                            if (own < 0) {
                                assertThat(logits[c]).isEqualTo(-Float.MAX_VALUE);
                            } else {
                                assertThat(logits[c]).as("row %d", row).isCloseTo(wanted[own], ROUNDING);
                            }
                        }
                    }
                }
            }
        }
    }

    private static RoutedModel model(RoutedAdapter adapter) {
        return RoutedModel.of(adapter.model().base(), adapter.model().head().headInput());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"layer.11.attention.self.query", "layer.11.attention.self.key", "layer.11.attention.self.value"})
    void eachProjectionOfTheFirstTokenIsRouted(String module) {
        assertEachRowIsThatOfItsAdapter(IntStream.range(0, 3)
                .mapToObj(i -> adapter(BERT, i, PlainLora.INSTANCE, 2, BiasMode.NONE, List.of(module), List.of(0, 1)))
                .toList());
    }

    /** Tables of embeddings are not mixed: their adapters go through merged models beside the others. */
    @Test
    void adaptersOfTablesOfEmbeddingsAreThoseOfTheirRowsAlone() {
        List<String> table = List.of("word_embeddings", "layer.11.attention.self.query");
        RoutedAdapter ofTable = adapter(BERT, 1, PlainLora.INSTANCE, 2, BiasMode.NONE, table, List.of(0, 1));
        assertThat(model(ofTable).routes(ofTable.model())).isFalse();
        assertEachRowIsThatOfItsAdapter(List.of(
                ofTable,
                adapter(BERT, 2, PlainLora.INSTANCE, 2, BiasMode.NONE, table.subList(1, 2), List.of(0, 1)),
                adapter(BERT, 3, PlainLora.INSTANCE, 4, BiasMode.NONE, table.subList(0, 1), List.of(0, 1))));
    }

    @Test
    void adaptersOfOneBatchDifferInRankInModulesAndInClasses() {
        List<RoutedAdapter> adapters = List.of(
                adapter(
                        BERT,
                        1,
                        PlainLora.INSTANCE,
                        2,
                        BiasMode.NONE,
                        List.of("layer.11.attention.self.query"),
                        List.of(0, 1)),
                adapter(
                        BERT,
                        2,
                        PlainLora.INSTANCE,
                        8,
                        BiasMode.NONE,
                        List.of("query", "value", "dense"),
                        List.of(3, 1, 2)),
                adapter(
                        BERT,
                        3,
                        PlainLora.INSTANCE,
                        4,
                        BiasMode.NONE,
                        List.of("layer.4.output.dense", "key"),
                        List.of(0, 1, 2, 3)));

        assertThat(adapters).allMatch(adapter -> model(adapter).routes(adapter.model()));
        assertEachRowIsThatOfItsAdapter(adapters);
    }

    @Test
    void adaLoraIsAPlainPairAtRest() {
        LoraVariant variant = LoraVariants.of(Map.of("peft_type", "ADALORA", "init_r", 4, "target_r", 2));
        List<RoutedAdapter> adapters = List.of(
                adapter(BERT, 1, variant, 4, BiasMode.NONE, List.of("query", "value"), List.of(0, 1)),
                adapter(BERT, 2, PlainLora.INSTANCE, 3, BiasMode.NONE, List.of("query"), List.of(2, 3)));

        assertThat(adapters).allMatch(adapter -> model(adapter).routes(adapter.model()));
        assertEachRowIsThatOfItsAdapter(adapters);
    }

    @Test
    void whatCannotBeMixedIsComputedByItsMergedModel() {
        List<RoutedAdapter> alone = List.of(
                adapter(BERT, 1, Dora.INSTANCE, 4, BiasMode.NONE, List.of("query", "value"), List.of(0, 1)),
                adapter(BERT, 2, PlainLora.INSTANCE, 4, BiasMode.LORA_ONLY, List.of("query"), List.of(1, 3)));
        RoutedAdapter mixed = adapter(BERT, 3, PlainLora.INSTANCE, 4, BiasMode.NONE, List.of("query"), List.of(0, 1));

        assertThat(alone).noneMatch(adapter -> model(adapter).routes(adapter.model()));
        assertEachRowIsThatOfItsAdapter(
                Stream.concat(alone.stream(), Stream.of(mixed)).toList());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"roberta", "distilbert", "deberta-v2", "modernbert-mean", "modernbert-cls", "electra", "mpnet"})
    void otherEncodersAreRouted(String name) {
        Path directory = RESOURCES.resolve("golden-encoders/" + name + "/model");
        List<RoutedAdapter> adapters = IntStream.range(0, 3)
                .mapToObj(i -> adapter(
                        directory,
                        i,
                        PlainLora.INSTANCE,
                        2 + i,
                        BiasMode.NONE,
                        BaseModel.shared(directory).encoder().linears().stream()
                                .map(TensorSpec::name)
                                .toList(),
                        List.of(i, 3)))
                .toList();

        // Keys and queries of DeBERTa's relative positions are those of all rows.
        assertThat(model(adapters.get(0)).routes(adapters.get(0).model())).isEqualTo(!name.contains("deberta"));
        assertEachRowIsThatOfItsAdapter(adapters);
    }

    @Test
    void aRowDoesNotDependOnTheAdaptersBesideIt() {
        RoutedAdapter first =
                adapter(BERT, 1, PlainLora.INSTANCE, 4, BiasMode.NONE, List.of("query", "value"), List.of(0, 1));
        RoutedAdapter second =
                adapter(BERT, 2, PlainLora.INSTANCE, 4, BiasMode.NONE, List.of("query", "value"), List.of(0, 1));
        try (RoutedScorer scorer = open(first)) {
            List<float[]> all = scorer.of(example -> Optional.of(first)).logits(TEXTS);
            List<float[]> mixed = scorer.of(example -> Optional.of(example.key() % 2 == 0 ? first : second))
                    .logits(TEXTS);
            for (int row = 0; row < TEXTS.size(); row += 2) {
                assertThat(mixed.get(row)).containsExactly(all.get(row), ROUNDING);
            }
        }
    }

    @Test
    void vectorsAreThoseOfEachAdapter() {
        List<RoutedAdapter> adapters = List.of(
                adapter(BERT, 1, PlainLora.INSTANCE, 2, BiasMode.NONE, List.of("query"), List.of(0, 1)),
                adapter(BERT, 2, PlainLora.INSTANCE, 2, BiasMode.NONE, List.of("query"), List.of(2, 3)));
        try (RoutedScorer scorer = open(adapters.get(0));
                TextScorer single = TextScorer.open(adapters.get(1).model())) {
            List<float[]> both = routed(scorer, adapters).logitsAndVectors(TEXTS, Pooling.MEAN);
            float[] wanted =
                    requireNonNull(single.logitsAndVectors(TEXTS, Pooling.MEAN).get(1));
            float[] got = requireNonNull(both.get(1));
            List<Float> expected = new ArrayList<>(List.of(-Float.MAX_VALUE, -Float.MAX_VALUE));
            for (float value : wanted) {
                expected.add(value);
            }
            assertThat(got).hasSize(expected.size());
            for (int i = 2; i < got.length; i++) {
                assertThat(got[i]).isCloseTo(expected.get(i), ROUNDING);
            }
        }
    }

    @Test
    void tagsOfWordsAreThoseOfEachAdapter() {
        List<RoutedAdapter> adapters = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            adapters.add(adapter(
                    BERT,
                    i,
                    PlainLora.INSTANCE,
                    2,
                    BiasMode.NONE,
                    List.of("query"),
                    List.of(2 * i, 1),
                    new TokenClassificationHead(2)));
        }
        List<List<String>> words = List.of(List.of("great", "plot"), List.of("a", "b", "c"), List.of("plot"));
        try (RoutedScorer scorer = RoutedScorer.open(
                adapters.get(0).model().base(), adapters.get(0).model().text(), HeadInput.EVERY_TOKEN, CLASSES)) {
            List<int[]> tags = routed(scorer, adapters).classes(words);
            for (int row = 0; row < words.size(); row++) {
                RoutedAdapter own = adapters.get(row % 2);
                try (TextScorer single = TextScorer.open(own.model())) {
                    int[] wanted = requireNonNull(single.classes(words).get(row));
                    assertThat(requireNonNull(tags.get(row)))
                            .containsExactly(IntStream.of(wanted)
                                    .map(c -> own.classes().get(c))
                                    .toArray());
                }
            }
        }
    }
}
