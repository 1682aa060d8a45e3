package org.sparklora.worker.train;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.bench.BenchReport;
import org.sparklora.worker.bench.BenchReport.Spread;
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
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.inference.RoutedAdapter;
import org.sparklora.worker.inference.RoutedScorer;
import org.sparklora.worker.inference.Scorer;
import org.sparklora.worker.inference.TextScorer;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.lora.PlainLora;

/**
 * Prediction with 500 adapters whose rows are mixed in each batch, against one merged adapter on the same rows: one thread,
 * rows that are tokenised already and have an adapter each by their number. The model is that of BENCH_MODEL, or else the starter
 * model, whose small layers cost least beside the adapters.
 */
public final class KeysBench {

    private static final Path MODEL = Path.of(System.getenv()
            .getOrDefault("BENCH_MODEL", System.getProperty("project.root", "..") + "/conf/starter-bert-12l"));
    private static final int CLASSES = 4;
    private static final int ADAPTERS = 500;

    private KeysBench() {}

    /**
     * Prints a line for adapters in the last layer and one for adapters in all layers.
     *
     * @param args --quick: fewer rows and rounds
     */
    public static void main(String... args) throws IOException {
        boolean quick = BenchReport.isQuick(args);
        List<Example> rows = new ArrayList<>();
        for (int row = 0; row < (quick ? 256 : 2048); row++) {
            int[] ids = new int[20 + row * 37 % 45];
            Arrays.setAll(ids, i -> 5 + (i * 7) % 900);
            rows.add(new Example(ids, ids.length, 0, 1f, row));
        }
        Shard shard = Shard.of(0, rows);
        measure("layer 11", ">= 70%", layer -> layer == 11, shard, quick ? 2 : 7);
        measure("all layers", null, layer -> true, shard, quick ? 2 : 5);
        System.exit(0);
    }

    private static void measure(String what, @Nullable String target, IntPredicate layers, Shard shard, int rounds)
            throws IOException {
        List<RoutedAdapter> adapters = new ArrayList<>();
        for (int i = 0; i < ADAPTERS; i++) {
            adapters.add(new RoutedAdapter(
                    trained(i, layers), IntStream.range(0, CLASSES).boxed().toList()));
        }
        TrainedModel one = adapters.get(0).model();
        try (TextScorer merged = TextScorer.open(one);
                RoutedScorer all = RoutedScorer.open(one.base(), one.text(), HeadInput.FIRST_TOKEN, CLASSES)) {
            Scorer mixed = all.of(row -> Optional.of(adapters.get((int) (row.key() * 7919 % ADAPTERS))));
            seconds(merged, shard);
            seconds(mixed, shard);
            List<double[]> measured = new ArrayList<>();
            for (int round = 0; round < rounds; round++) {
                measured.add(new double[] {seconds(merged, shard), seconds(mixed, shard)});
            }
            Spread rate = Spread.of(measured, m -> m[0] / m[1]);
            double perSecond = shard.size() / Spread.of(measured, m -> m[1]).median();
            BenchReport.add(
                    "keys, " + ADAPTERS + " adapters on " + what,
                    target,
                    String.format(
                            Locale.ROOT,
                            "%.1f rows per CPU second, %s of the rate of one merged adapter",
                            perSecond,
                            rate.percent()),
                    Map.of("rows_per_second", perSecond, "of_merged", rate));
        }
    }

    /** Seconds of this thread on a processor: it computes alone. */
    private static double seconds(Scorer scorer, Shard shard) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long began = threads.getCurrentThreadCpuTime();
        scorer.logits(shard, (logits, row) -> {});
        return (threads.getCurrentThreadCpuTime() - began) / 1e9;
    }

    private static TrainedModel trained(int number, IntPredicate layers) throws IOException {
        Encoder encoder = BaseModel.shared(MODEL).encoder();
        List<LoraModule> modules = encoder.linears().stream()
                .filter(linear -> linear.name().matches(".*\\.(query|value)")
                        && layers.test(encoder.layerIndex(linear.name()) - 1))
                .map(linear -> new LoraModule(
                        linear.name(),
                        8,
                        16,
                        linear.shape().get(1),
                        linear.shape().get(0)))
                .toList();
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(new LoraGroup("all", "", modules, GroupSettings.PLAIN)),
                BiasMode.NONE,
                encoder.head().tensors(CLASSES),
                List.of());
        Map<String, float[]> values = new TreeMap<>();
        for (String group : manifest.names()) {
            for (TensorSpec tensor : manifest.tensors(group)) {
                long key = KeyedRandom.key(number, tensor.name());
                float[] own = new float[tensor.size()];
                for (int i = 0; i < own.length; i++) {
                    own[i] = (float) (KeyedRandom.uniform(key, i) - 0.5) * 0.1f;
                }
                values.put(tensor.name(), own);
            }
        }
        return new TrainedModel(
                new TrainedModel.Base(
                        ModelSource.everywhere(MODEL.toString()), BaseModel.sha256(MODEL), Arithmetic.DEFAULT),
                new ClassificationHead(CLASSES),
                new TrainedModel.Adapter(manifest, new AdapterSnapshot(values), "adapter " + number),
                new TrainedModel.Text(TokenizerSpec.read(MODEL), 64));
    }
}
