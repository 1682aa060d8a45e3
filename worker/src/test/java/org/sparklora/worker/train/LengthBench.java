package org.sparklora.worker.train;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToIntFunction;
import org.sparklora.worker.bench.BenchReport;
import org.sparklora.worker.bench.BertBase;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.EpochRows;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.ShardOrder;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.lora.PlainLora;

/**
 * What length buckets save on rows as long as SST-2's: padding counted over a whole epoch of 4 shards and 32 rows a step,
 * and steps of BERT-base with all layers live, timed, a sample of the epoch's.
 */
public final class LengthBench {

    private static final int SHARDS = 4;
    private static final int BATCH = 32;
    private static final int LONGEST = 128;
    private static final long SEED = 42;

    private final List<Shard> shards;
    private final ShardPlan plan;
    private final ShardPass pass;
    private final float[] live;

    private LengthBench(BaseModel base, List<Shard> shards, ShardPlan plan) {
        this.shards = shards;
        this.plan = plan;
        ClassificationHead head = new ClassificationHead(2);
        List<LoraGroup> groups = BertBase.ALL.stream()
                .map(layer -> new LoraGroup(TinyModel.name(layer), "", BertBase.modules(layer), GroupSettings.PLAIN))
                .toList();
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                groups,
                BiasMode.NONE,
                HeadLayers.classifier(BertBase.HIDDEN).tensors(2),
                List.of());
        EpochPlan epoch = new EpochPlan(
                0,
                new FreezePlan(manifest, TinyModel.freeze(manifest, Map.of()), base.encoder()::layerIndex),
                plan,
                TinyModel.values(manifest),
                CachePlan.off("bench"));
        this.pass = new ShardPass(base, head, TinyModel.settings(DropoutRates.NONE), epoch);
        this.live = epoch.freezePlan().flatten(epoch.snapshot());
    }

    /**
     * Prints what buckets save.
     *
     * @param args --quick: fewer steps
     */
    public static void main(String... args) throws IOException {
        int steps = BenchReport.isQuick(args) ? 2 : 16;
        List<Example> rows = rows();
        ShardPlan plan = new ShardPlan(SHARDS, BATCH, rows.size(), false);
        List<List<Example>> dealt = new ArrayList<>();
        for (int shard = 0; shard < SHARDS; shard++) {
            dealt.add(new ArrayList<>());
        }
        for (int row = 0; row < rows.size(); row++) {
            dealt.get(row % SHARDS).add(rows.get(row));
        }
        List<Shard> shards = new ArrayList<>();
        dealt.forEach(mine -> shards.add(Shard.of(shards.size(), mine)));
        try (BertBase base = BertBase.create(1000)) {
            new LengthBench(BaseModel.shared(base.directory()), shards, plan).measure(steps);
        }
        System.exit(0);
    }

    private void measure(int steps) {
        Set<Integer> shapes = new TreeSet<>();
        double bucketed = padding(ShardOrder.groupedByLength(SEED), shapes).share();
        BenchReport.add(
                "shapes, SST-2's lengths",
                null,
                String.format(
                        Locale.ROOT,
                        "%,d numbers of tokens in an epoch; oneDNN compiles once for each and each size of weight",
                        shapes.size()),
                Map.of("shapes", shapes.size()));
        double random = padding(ShardOrder.shuffled(SEED), new TreeSet<>()).share();
        BenchReport.add(
                "padding, SST-2's lengths",
                "<= 8%",
                String.format(
                        Locale.ROOT,
                        "%.1f%% in length buckets, %.1f%% in random batches",
                        100 * bucketed,
                        100 * random),
                Map.of("bucketed", bucketed, "random", random));

        ToIntFunction<List<Example>> own =
                rows -> rows.stream().mapToInt(Example::length).max().orElse(1);
        seconds(ShardOrder.shuffled(SEED), own, 1);
        double inBuckets = seconds(ShardOrder.groupedByLength(SEED), own, steps);
        double atRandom = seconds(ShardOrder.shuffled(SEED), own, steps);
        double padded = seconds(ShardOrder.shuffled(SEED), rows -> LONGEST, Math.max(1, steps / 4));
        BenchReport.add(
                "length buckets against random batches",
                ">= 1.5x",
                String.format(
                        Locale.ROOT, "%.2fx (%.3f against %.3f s a step)", atRandom / inBuckets, inBuckets, atRandom),
                Map.of("ratio", atRandom / inBuckets));
        BenchReport.add(
                "length buckets against 128 tokens always",
                ">= 3x",
                String.format(Locale.ROOT, "%.2fx (%.3f s a step)", padded / inBuckets, padded),
                Map.of("ratio", padded / inBuckets));
    }

    /** @param shapes gets the number of tokens of each batch */
    private Padding padding(ShardOrder order, Set<Integer> shapes) {
        Padding all = Padding.NONE;
        for (Shard shard : shards) {
            EpochRows epoch = shard.epoch(order, plan, 0);
            for (int step = 0; step < epoch.steps(); step++) {
                int[] positions = epoch.positions(step);
                if (positions.length > 0) {
                    Batch batch = Batch.of(shard.examples(positions), 0);
                    all = all.plus(batch.padding());
                    shapes.add(batch.rows() * batch.length());
                }
            }
        }
        return all;
    }

    /** Mean seconds of a shard's part of a step, over steps of the epoch from the shortest to the longest rows. */
    private double seconds(ShardOrder order, ToIntFunction<List<Example>> length, int sample) {
        Shard shard = shards.get(0);
        EpochRows epoch = shard.epoch(order, plan, 0);
        List<List<Example>> steps = new ArrayList<>();
        for (int step = 0; step < epoch.steps() - 1; step++) {
            steps.add(shard.examples(epoch.positions(step)));
        }
        steps.sort(Comparator.comparingInt(length));
        long nanos = 0;
        for (int i = 0; i < sample; i++) {
            List<Example> rows = steps.get((2 * i + 1) * steps.size() / (2 * sample));
            Batch batch = padded(rows, length.applyAsInt(rows));
            long began = System.nanoTime();
            pass.sum(live, i, 0, List.of(batch));
            nanos += System.nanoTime() - began;
        }
        return nanos / 1e9 / sample;
    }

    /** A batch of a given length: its first row is as long as that. What a token is costs the same. */
    private static Batch padded(List<Example> rows, int length) {
        List<Example> all = new ArrayList<>(rows);
        all.set(0, example(length, 0));
        return Batch.of(all, 0);
    }

    private static Example example(int length, long key) {
        int[] ids = new int[length];
        Arrays.setAll(ids, i -> 5 + (i * 7) % 900);
        return new Example(ids, length, key % 2, 1f, key);
    }

    /** Rows of the lengths on record, in random order. */
    private static List<Example> rows() throws IOException {
        List<Example> rows = new ArrayList<>();
        try (var in = LengthBench.class.getResourceAsStream("/bench/sst2-lengths.txt")) {
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
                if (!line.startsWith("#")) {
                    String[] part = line.split(" ");
                    for (int i = 0; i < Integer.parseInt(part[1]); i++) {
                        rows.add(example(Integer.parseInt(part[0]), rows.size()));
                    }
                }
            }
        }
        rows.sort(Comparator.comparingLong(row -> KeyedRandom.mix(SEED, row.key())));
        return rows;
    }
}
