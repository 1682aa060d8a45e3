package org.sparklora.worker.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;
import org.sparklora.worker.bench.BenchReport;
import org.sparklora.worker.bench.BenchReport.Spread;
import org.sparklora.worker.bench.BertBase;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.EncoderWork;
import org.sparklora.worker.engine.ProductRate;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.inference.TextScorer;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.machine.Machine;

/**
 * Prediction with BERT-base and adapters in every layer, one thread, rows that are tokenised already, beside the rate of
 * matrix products: on the operations that the rows' own tokens need, so that padding counts as loss.
 */
public final class PredictBench {

    private static final Path TOKENIZER = Path.of(System.getProperty("project.root", ".."), "conf/starter-bert-12l");

    private PredictBench() {}

    /**
     * Prints a line for long rows and one for short ones.
     *
     * @param args --quick: fewer rows and rounds
     */
    public static void main(String... args) throws IOException {
        boolean quick = BenchReport.isQuick(args);
        Map<String, Arithmetic> others = new TreeMap<>(Map.of("mkl", new Arithmetic(Kernel.MKL, Precision.FLOAT32)));
        if (Machine.hardware().hasBfloat16()) {
            others.put("bfloat16", new Arithmetic(Kernel.ONEDNN, Precision.BFLOAT16));
        }
        try (BertBase base = BertBase.create(8192);
                TextScorer scorer = TextScorer.open(trained(base, Arithmetic.DEFAULT))) {
            Map<String, TextScorer> beside = new TreeMap<>();
            for (String name : others.keySet()) {
                beside.put(name, TextScorer.open(trained(base, others.get(name))));
            }
            EncoderWork work = EncoderWork.of(BaseModel.shared(base.directory()).encoder());
            int rounds = quick ? 2 : 5;
            Shard longRows = rows(quick ? 8 : 32, row -> 128);
            Shard shortRows = rows(quick ? 32 : 256, row -> 5 + row * 37 % 56);
            measure(scorer, beside, work, "rows of 128 tokens", longRows, rounds);
            measure(scorer, beside, work, "rows of 5 to 60 tokens", shortRows, rounds);
        }
        System.exit(0);
    }

    private static TrainedModel trained(BertBase base, Arithmetic arithmetic) throws IOException {
        ClassificationHead head = new ClassificationHead(2);
        List<LoraGroup> groups = BertBase.ALL.stream()
                .map(layer -> new LoraGroup(TinyModel.name(layer), "", BertBase.modules(layer), GroupSettings.PLAIN))
                .toList();
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                groups,
                BiasMode.NONE,
                BaseModel.shared(base.directory()).encoder().head().tensors(head.outputs()),
                List.of());
        return new TrainedModel(
                new TrainedModel.Base(
                        ModelSource.everywhere(base.directory().toString()),
                        BaseModel.sha256(base.directory()),
                        arithmetic),
                head,
                new TrainedModel.Adapter(manifest, TinyModel.values(manifest), "bench"),
                new TrainedModel.Text(TokenizerSpec.read(TOKENIZER), 128));
    }

    private static Shard rows(int count, IntUnaryOperator length) {
        List<Example> rows = new ArrayList<>();
        for (int row = 0; row < count; row++) {
            int[] ids = new int[length.applyAsInt(row)];
            Arrays.setAll(ids, i -> 5 + (i * 7) % 900);
            rows.add(new Example(ids, ids.length, 0, 1f, row));
        }
        return Shard.of(0, rows);
    }

    /** @param beside scorers of other arithmetics, by name, which take turns with the first */
    private static void measure(
            TextScorer scorer, Map<String, TextScorer> beside, EncoderWork work, String what, Shard shard, int rounds) {
        double operations = 0;
        for (Example row : shard.examples()) {
            for (int index = 0; index < work.headIndex(); index++) {
                operations += work.forward(index, row.length());
            }
        }
        Torch.prepareThread();
        scorer.logits(shard, (logits, row) -> {});
        beside.values().forEach(other -> other.logits(shard, (logits, row) -> {}));
        List<double[]> measured = new ArrayList<>();
        Map<String, List<Double>> ratios = new TreeMap<>();
        for (int round = 0; round < rounds; round++) {
            double before = ProductRate.of(Arithmetic.DEFAULT, 1024);
            long began = System.nanoTime();
            scorer.logits(shard, (logits, row) -> {});
            double seconds = (System.nanoTime() - began) / 1e9;
            measured.add(new double[] {(before + ProductRate.of(Arithmetic.DEFAULT, 1024)) / 2, seconds});
            beside.forEach((name, other) -> {
                long then = System.nanoTime();
                other.logits(shard, (logits, row) -> {});
                ratios.computeIfAbsent(name, n -> new ArrayList<>()).add((System.nanoTime() - then) / 1e9 / seconds);
            });
        }
        double needed = operations;
        Spread fraction = Spread.of(measured, m -> needed / m[1] / m[0]);
        Spread seconds = Spread.of(measured, m -> m[1]);
        BenchReport.add(
                "predict, " + what,
                ">= 85%",
                String.format(
                        Locale.ROOT,
                        "%.1f rows/s, %s of matrix products at %.1f GFLOP/s",
                        shard.size() / seconds.median(),
                        fraction.percent(),
                        Spread.of(measured, m -> m[0]).median() / 1e9),
                Map.of("rows_per_second", shard.size() / seconds.median(), "of_matmul", fraction));
        ratios.forEach((name, values) -> {
            Spread ratio = Spread.of(values, value -> value);
            BenchReport.add(
                    "predict, " + what + ", time in " + name,
                    null,
                    ratio.text("%.2f") + " times that of float32 in oneDNN",
                    Map.of("times_float32", ratio));
        });
    }
}
