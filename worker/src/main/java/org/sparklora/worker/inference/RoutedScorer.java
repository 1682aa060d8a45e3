package org.sparklora.worker.inference;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.ObjIntConsumer;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Torch;

/**
 * Scores texts of many adapters on one base. Batches mix the adapters that {@link RoutedModel} can mix; the rows of any other
 * adapter, and rows whose vectors are asked for, go through its merged model, one adapter after the other. Logits have a
 * column for each class of any model.
 *
 * <p>Not thread-safe: each task opens its own and closes it.
 */
public final class RoutedScorer implements AutoCloseable {

    /** The group of the rows that {@link RoutedModel} computes; no model has this key. */
    private static final String MIXED = "";

    private final RoutedModel model;
    private final TextTokenizer tokenizer;
    private final int padTokenId;
    private final int outputs;

    private RoutedScorer(RoutedModel model, TextTokenizer tokenizer, int padTokenId, int outputs) {
        this.model = model;
        this.tokenizer = tokenizer;
        this.padTokenId = padTokenId;
        this.outputs = outputs;
    }

    /**
     * A scorer of models on a base.
     *
     * @param outputs number of classes of all models together
     */
    public static RoutedScorer open(TrainedModel.Base base, TrainedModel.Text text, HeadInput headInput, int outputs) {
        TextTokenizer tokenizer = TextTokenizer.open(text.tokenizer(), text.maxLength());
        try {
            return new RoutedScorer(
                    RoutedModel.of(base, headInput), tokenizer, text.tokenizer().padTokenId(), outputs);
        } catch (RuntimeException e) {
            tokenizer.close();
            throw e;
        }
    }

    /**
     * A scorer of rows with an adapter each, which is valid until this one is closed.
     *
     * @param adapters of an example; empty for one that has no scores. The key of a text's example is its row number
     */
    public Scorer of(Function<Example, Optional<RoutedAdapter>> adapters) {
        return new Rows(adapters);
    }

    @Override
    public void close() {
        tokenizer.close();
    }

    private final class Rows extends Scorer {

        private final Function<Example, Optional<RoutedAdapter>> adapters;

        Rows(Function<Example, Optional<RoutedAdapter>> adapters) {
            super(tokenizer);
            this.adapters = adapters;
        }

        @Override
        public int outputs() {
            return outputs;
        }

        @Override
        public void logits(Shard shard, ObjIntConsumer<float[]> results) {
            Map<String, Boolean> routes = new HashMap<>();
            Map<String, List<Integer>> alone = positions(
                    shard,
                    own -> routes.computeIfAbsent(own.adapter().sha256(), sha256 -> model.routes(own))
                            ? MIXED
                            : own.key());
            List<Integer> mixed = alone.remove(MIXED);
            if (mixed != null) {
                part(shard, mixed, results, this::mixed);
            }
            alone.values().forEach(rows -> alone(shard, rows, results, TextScorer::logits));
        }

        @Override
        void logitsAndVectors(Shard shard, Pooling pooling, ObjIntConsumer<float[]> results) {
            OfOne scores = (scorer, rows, each) -> scorer.logitsAndVectors(rows, pooling, each);
            positions(shard, TrainedModel::key).values().forEach(rows -> alone(shard, rows, results, scores));
        }

        /** Positions of the rows with an adapter, by what a function says of it. */
        private Map<String, List<Integer>> positions(Shard shard, Function<TrainedModel, String> by) {
            Map<String, List<Integer>> positions = new TreeMap<>();
            for (int position = 0; position < shard.size(); position++) {
                int row = position;
                adapters.apply(shard.example(row))
                        .ifPresent(own -> positions
                                .computeIfAbsent(by.apply(own.model()), k -> new ArrayList<>())
                                .add(row));
            }
            return positions;
        }

        /** Scores the rows at some positions as a shard of their own. */
        private void part(
                Shard shard,
                List<Integer> positions,
                ObjIntConsumer<float[]> results,
                BiConsumer<Shard, ObjIntConsumer<float[]>> scores) {
            List<Example> rows = shard.examples(
                    positions.stream().mapToInt(Integer::intValue).toArray());
            scores.accept(Shard.of(0, rows), (values, row) -> results.accept(values, positions.get(row)));
        }

        private void mixed(Shard shard, ObjIntConsumer<float[]> results) {
            for (int[] positions : shard.batchesByLength()) {
                // Rows of one adapter follow each other, so that its head computes them together.
                List<Placed> rows = new ArrayList<>();
                for (int position : positions) {
                    Example example = shard.example(position);
                    rows.add(new Placed(
                            example, position, adapters.apply(example).orElseThrow()));
                }
                rows.sort(Comparator.comparing(
                        row -> row.adapter().model().adapter().sha256()));
                Torch.prepareThread();
                List<Example> examples = rows.stream().map(Placed::example).toList();
                List<TrainedModel> models =
                        rows.stream().map(row -> row.adapter().model()).toList();
                try (NDManager manager = Torch.newManager()) {
                    List<float[]> logits = model.logits(Tokens.of(manager, Batch.of(examples, padTokenId)), models);
                    for (int i = 0; i < rows.size(); i++) {
                        float[] own = logits.get(i);
                        results.accept(
                                rows.get(i).adapter().spread(own, own.length, outputs),
                                rows.get(i).position());
                    }
                }
            }
        }

        /** Scores the rows of one adapter with its merged model. */
        private void alone(Shard shard, List<Integer> positions, ObjIntConsumer<float[]> results, OfOne scores) {
            RoutedAdapter adapter =
                    adapters.apply(shard.example(positions.get(0))).orElseThrow();
            TrainedModel own = adapter.model();
            String key = own.key();
            MergedModel merged = MergedModels.acquire(key, own);
            try {
                // Not closed, since this scorer's tokenizer stays open.
                TextScorer scorer = new TextScorer(own, key, merged, tokenizer, false);
                boolean byToken = own.head().headInput() == HeadInput.EVERY_TOKEN;
                part(
                        shard,
                        positions,
                        results,
                        (part, each) -> scores.accept(
                                scorer,
                                part,
                                (values, row) -> each.accept(
                                        adapter.spread(values, byToken ? scorer.outputs() : values.length, outputs),
                                        row)));
            } finally {
                MergedModels.release(key);
            }
        }
    }

    /** A row of a batch. */
    private record Placed(Example example, int position, RoutedAdapter adapter) {}

    /** Scores a shard with one model. */
    @FunctionalInterface
    private interface OfOne {
        void accept(TextScorer scorer, Shard shard, ObjIntConsumer<float[]> results);
    }
}
